import { startFreshApp } from '../tools/servers/app-server.mjs'
import { FAST, startPostgres } from '../tools/servers/postgres.mjs'
import { adoptedNotes, conflicted, decide } from '../support/conflicts.ts'
import { expect, expectNotes, expectSynced, test as base } from '../support/notes.ts'

/** `test` with the demo in front of three `latchkey serve` on one Postgres; each request goes to the next of them. */
const test = base.extend<object, { started: Awaited<ReturnType<typeof startFreshApp>> }>({
  started: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
    async ({}, use) => {
      const postgres = await startPostgres(FAST)
      const started = await startFreshApp(postgres.url)
      await use(started)
      await started.close()
      await postgres.stop()
    },
    // A guard against hanging, not a limit on speed.
    { scope: 'worker', timeout: 120_000 },
  ],
  app: async ({ started }, use) => use(started),
})

test('three servers and no stickiness: first visit, sign-up, a second device, adoption, with one of them killed on the way', async ({
  started,
  openNotes,
}) => {
  const cluster = started.cluster!
  const { first, second, here, account } = await conflicted(openNotes)
  for (const count of cluster.answered) expect(count).toBeGreaterThan(1)

  await cluster.servers[0]!.end('SIGKILL')
  const before = [...cluster.answered]
  await decide(second, 'adopt')
  expect((await second.state()).session).toMatchObject({ principal: account, principals: [account, here] })
  await expectNotes(second.page, ...adoptedNotes)
  await expectSynced(second.page)
  await first.page.reload()
  await expectNotes(first.page, ...adoptedNotes)
  expect(await first.principal()).toBe(account)
  expect(cluster.answered.map((count, at) => count > before[at]!)).toEqual([false, true, true])
})
