import { randomUUID } from 'node:crypto'
import type { Page } from '@playwright/test'
import type { AccountServer } from '../support/account-server.ts'
import { enter, expect, payloadOf, someEmail, start, stateOf, test, tokenOf } from '../support/account.ts'
import type { KeptBrowser } from '../support/kept-browser.ts'
import { ROUNDS, SEED, SHOWN, chooseMoments, createRandom, killDuring, watch } from '../support/kill-moments.ts'

// A guard against hanging, not a limit on speed.
test.setTimeout(120_000 + ROUNDS * 30_000)

/** What is killed in each round, and how it is looked at afterwards. */
interface Campaign {
  /** What comes before the moments at which it may be killed. */
  prepare(page: Page, round: number): Promise<unknown>
  act(page: Page, round: number, isTelling: boolean): Promise<unknown>
  /** Looks at what was found after the restart: whether the thing was there already. */
  check(page: Page, round: number, steps: readonly string[]): Promise<boolean>
  /** The principal that a round ended with, and all that its record holds. */
  look(page: Page, round: number): Promise<readonly string[]>
}

interface Counts {
  before: number
  after: number
  lost: number
  duplicated: number
}

/**
 * Runs an act whole, and then once for each moment in a browser that is killed; each is looked at in the next browser.
 */
async function run(
  launch: () => Promise<KeptBrowser>,
  server: AccountServer,
  { prepare, act, check, look }: Campaign,
): Promise<Counts> {
  const counts: Counts = { before: 0, after: 0, lost: 0, duplicated: 0 }
  const ended = new Map<number, readonly string[]>()
  let browser = await launch()
  await prepare(browser.page, 0)
  const course = await watch(server, () => act(browser.page, 0, true))
  expect(course.steps.some((step) => step.startsWith(SHOWN))).toBe(true)
  for (const [index, moment] of chooseMoments(course, createRandom(SEED)).entries()) {
    const round = index + 1
    const page = await browser.context.newPage()
    await prepare(page, round)
    const steps = await killDuring(browser, server, moment, () => act(page, round, moment.kind === 'step'))
    browser = await launch()
    await test.step(`round ${round}: killed at ${moment.kind} ${Math.round(moment.at)}, after "${steps.at(-1)}"`, async () => {
      counts[(await check(browser.page, round, steps)) ? 'after' : 'before']++
    })
    ended.set(round, await look(browser.page, round))
  }
  for (const [round, [principal, ...kept]] of ended) {
    // Later kills took nothing from anybody before.
    const [now, ...still] = await look(browser.page, round)
    if (now !== principal || !kept.includes(principal!)) counts.lost++
    if (new Set(kept).size !== 1 || still.join() !== kept.join()) counts.duplicated++
  }
  return counts
}

function report(what: string, { before, after, lost, duplicated }: Counts, boundary: string): void {
  console.log(
    `${what}: ${before + after} rounds (seed ${SEED}), killed ${before} times before ${boundary} and ${after} times after it; ${lost} identities lost, ${duplicated} duplicated`,
  )
  expect({ rounds: before + after, lost, duplicated }).toEqual({ rounds: ROUNDS, lost: 0, duplicated: 0 })
}

/** Principals that a page has shown by then. */
const shownIn = (steps: readonly string[]): string[] =>
  steps.filter((step) => step.startsWith(SHOWN)).map((step) => step.slice(SHOWN.length + 1))

test('killed during the first start: one identity, the one that was shown if any was (checklist 30: a crash at any point)', async ({
  launch,
  server,
}) => {
  const notes = Array.from({ length: ROUNDS + 1 }, () => randomUUID())
  // Each round is the first visit to another origin.
  const originOf = (round: number): string => server.url.replace('localhost', `r${round}.localhost`)

  const counts = await run(launch, server, {
    prepare: async () => {},
    async act(page, round, isTelling) {
      await page.goto(originOf(round))
      await page.evaluate(
        async ([audience, note, telling]) => {
          if (telling) account.tellSteps()
          const auth = await account.open({ audience })
          account.tell(`shown ${auth.getState().session?.principal}`)
          await auth.fetch(`/api/notes/${note}`, {
            method: 'PUT',
            body: JSON.stringify({ title: '', body: '', updatedAt: 1 }),
          })
        },
        [server.url, notes[round]!, isTelling] as const,
      )
    },
    async check(page, round, steps) {
      await page.goto(originOf(round))
      const record = await page.evaluate(() => account.readRecord())
      const seen = [
        ...shownIn(steps),
        ...server.ownersOf(notes[round]!),
        ...(record?.entries.map(({ principal }) => principal) ?? []),
      ]
      const state = await start(page, originOf(round))
      expect(state).toMatchObject({ authMode: 'local-first', phase: 'ready', storage: { protection: 'extractable' } })
      expect(state.storage).not.toHaveProperty('problem')
      for (const principal of seen) expect(principal).toBe(state.session?.principal)
      return record !== undefined
    },
    async look(page, round) {
      const { session } = await start(page, originOf(round))
      const { entries } = (await page.evaluate(() => account.readRecord()))!
      return [session!.principal, ...entries.map(({ principal }) => principal)]
    },
  })
  report('First start', counts, 'the record was there')
})

test('killed during an upgrade: one account, the same identity, no lockout (checklist 30: a crash at any point)', async ({
  launch,
  server,
}) => {
  const emails = Array.from({ length: ROUNDS + 1 }, someEmail)
  const principals: string[] = []
  let missing = 0
  const usersOf = (round: number) =>
    server.rows<{ id: string; principal: string | null }>(
      'select id, principal from "user" where email = ?',
      emails[round]!,
    )
  const locksOf = (principal: string) =>
    server.rows<{ kind: string; userId: string | null }>(
      'select kind, "userId" from "latchkeyPrincipal" where principal = ?',
      principal,
    )

  const counts = await run(launch, server, {
    async prepare(page, round) {
      await page.context().clearCookies()
      const { session } = await start(page, server.url, { name: `round-${round}` })
      principals[round] = session!.principal
    },
    async act(page, _, isTelling) {
      const round = principals.length - 1
      await page.evaluate((telling) => void (telling && account.tellSteps()), isTelling)
      expect(await enter(page, 'signUp', emails[round]!)).toBe('upgraded')
      await page.evaluate(() => account.tell(`shown ${account.auth.getState().session?.principal}`))
      await tokenOf(page)
    },
    async check(page, round, steps) {
      const principal = principals[round]!
      const committed = await usersOf(round)
      for (const shown of shownIn(steps)) expect(shown).toBe(principal)
      for (const user of committed) expect(user.principal).toBe(principal)
      const found = await start(page, server.url, { name: `round-${round}` })
      // What the page was doing may still be waited for.
      expect(found).toMatchObject({ session: { principal }, phase: expect.stringMatching(/^(ready|pending)$/) })
      // What the server committed is found again; without its cookie, by signing in.
      const session = await page.evaluate(async () => (await account.client.getSession()).data)
      const isSignedIn = found.authMode === 'external' && session !== null
      if (!isSignedIn) {
        missing += committed.length
        const outcome = await enter(page, 'signUp', emails[round]!)
        if (committed.length && outcome === 'PROVIDER_REFUSED')
          expect(await enter(page, 'signIn', emails[round]!)).toBe('upgraded')
        else expect(outcome).toBe('upgraded')
      }
      expect(await stateOf(page)).toMatchObject({ authMode: 'external', session: { principal } })
      expect(payloadOf(await tokenOf(page, true))).toMatchObject({ sub: principal, email: emails[round] })
      const users = await usersOf(round)
      expect(users).toEqual([{ id: users[0]!.id, principal }])
      expect(await locksOf(principal)).toEqual([{ kind: 'canonical', userId: users[0]!.id }])
      return committed.length > 0
    },
    async look(page, round) {
      const { session } = await start(page, server.url, { name: `round-${round}` })
      const { entries } = (await page.evaluate((name) => account.readRecord(name), `round-${round}`))!
      return [session!.principal, ...entries.map(({ principal }) => principal)]
    },
  })
  console.log(
    `Upgrade: ${missing} of ${counts.after} accounts had to be signed in to again (the browser had not kept the cookie or the answer)`,
  )
  report('Upgrade', counts, 'the server had committed')
  const orphans = await server.rows<{ principal: string }>(
    'select principal from "latchkeyPrincipal" where "userId" is null or "userId" not in (select id from "user")',
  )
  expect(orphans.filter(({ principal }) => principals.includes(principal))).toEqual([])
  expect(
    await server.rows(`select id from "user" where email in (${emails.map(() => '?').join()})`, ...emails),
  ).toHaveLength(ROUNDS + 1)
})
