import type { Page } from '@playwright/test'
import type { AccountServer } from '../support/account-server.ts'
import {
  enter,
  expect,
  payloadOf,
  principalOf,
  someEmail,
  start,
  stateOf,
  test,
  tokenOf,
  waitForState,
} from '../support/account.ts'

/** Ada's account, made in a browser of its own. */
async function signUpElsewhere(page: Page, server: AccountServer): Promise<{ email: string; account: string }> {
  await start(page, server.url)
  const email = someEmail()
  expect(await enter(page, 'signUp', email)).toBe('upgraded')
  return { email, account: (await principalOf(page))! }
}

/** A device that wrote something, and asks what is to become of it. */
async function inConflict(page: Page, server: AccountServer, email: string): Promise<string> {
  await start(page, server.url)
  await page.evaluate(() => account.auth.markWritten())
  expect(await enter(page, 'signIn', email)).toBe('conflict')
  return (await principalOf(page))!
}

const resolve = (page: Page, decision: 'adopt' | 'switch') =>
  page.evaluate(async (given) => {
    const result = await account.auth.resolveConflict(given)
    return result.outcome === 'failed' ? result.error.code : result.outcome
  }, decision)

const conflictOf = async (page: Page) => (await stateOf(page)).upgrade?.conflict

for (const ending of ['killed', 'closed'] as const) {
  test(`a conflict outlives a browser that was ${ending}: both are there, nothing is decided, and the answer counts`, async ({
    device,
    launch,
    server,
  }) => {
    const elsewhere = await device()
    const { email, account: canonical } = await signUpElsewhere(elsewhere.page, server)
    const first = await launch()
    const here = await inConflict(first.page, server, email)
    const asked = await conflictOf(first.page)
    const cookies = await first.context.cookies()
    if (ending === 'killed') await first.kill()
    else await first.close()

    const { page, context } = await launch()
    // A browser writes its cookies up to half a minute late, and a killed one loses the last ones.
    await context.addCookies(cookies)
    expect(await start(page, server.url)).toMatchObject({
      authMode: 'local-first',
      phase: 'conflict',
      session: { principal: here, principals: [here] },
    })
    expect(await conflictOf(page)).toEqual(asked)
    expect(asked).toMatchObject({ principal: here, account: { principal: canonical }, isTaken: false })
    expect(await resolve(page, 'adopt')).toBe('adopted')
    expect(await stateOf(page)).toMatchObject({
      authMode: 'external',
      phase: 'ready',
      session: { principals: [canonical, here] },
    })
    expect(payloadOf(await tokenOf(page, true))).toMatchObject({ sub: canonical, aliases: [here] })
  })
}

test('killed while it adopts, and the session gone with it: the question is over, no key is lost, and signing in again finds it adopted', async ({
  device,
  launch,
  server,
}) => {
  const elsewhere = await device()
  const { email, account: canonical } = await signUpElsewhere(elsewhere.page, server)
  const first = await launch()
  const here = await inConflict(first.page, server, email)
  const held = server.hold('POST /api/auth/latchkey/link')
  await first.page.evaluate(() => void account.auth.resolveConflict('adopt').catch(() => {}))
  await held.waiting
  await first.kill()
  held.release()
  await server.idle()

  const { page, context } = await launch()
  await context.clearCookies()
  expect(await start(page, server.url)).toMatchObject({ authMode: 'local-first', session: { principal: here } })
  await waitForState(page, { phase: 'conflict' })
  expect(await resolve(page, 'adopt')).toBe('SESSION_MISSING')
  expect(await stateOf(page)).toMatchObject({ authMode: 'local-first', phase: 'ready', session: { principal: here } })
  expect(await enter(page, 'signIn', email)).toBe('upgraded')
  expect(await stateOf(page)).toMatchObject({ authMode: 'external', session: { principals: [canonical, here] } })
  expect(
    (await page.evaluate(() => account.readRecord()))!.entries.map(({ kind, principal }) => [kind, principal]),
  ).toEqual([
    ['device', here],
    ['account', canonical],
  ])
  expect(await server.rows('select id from "latchkeyPrincipal" where principal = ?', here)).toHaveLength(1)
})

test('an adopted device whose key is revoked by another device continues as the account, comes back by signing in, and the account keeps its principal (checklist 28: list and revoke, without changing the principal)', async ({
  device,
  server,
}) => {
  const [elsewhere, second, third] = [await device(), await device(), await device()]
  const { email, account: canonical } = await signUpElsewhere(elsewhere.page, server)
  const here = await inConflict(second.page, server, email)
  expect(await resolve(second.page, 'adopt')).toBe('adopted')
  const there = await inConflict(third.page, server, email)
  expect(await resolve(third.page, 'adopt')).toBe('adopted')
  // Until a mailbox is proven a key may be the last way in, and is not revoked.
  expect(await revoke(third.page, here)).toBe(409)
  await server.change('update "user" set "emailVerified" = true where email = ?', email)
  expect(await revoke(third.page, here)).toBe(200)

  expect(payloadOf(await tokenOf(second.page, true))).toMatchObject({ sub: canonical, aliases: [here, there] })
  await second.page.reload()
  await start(second.page, server.url)
  await expect.poll(async () => (await stateOf(second.page)).session?.principals).toEqual([canonical, here, there])
  expect(await notesAs(second.page)).toBe(200)

  await second.page.evaluate(() => account.auth.signOut())
  expect(await enter(second.page, 'signIn', email)).toBe('switched')
  expect(await notesAs(second.page)).toBe(200)
  expect(payloadOf(await tokenOf(elsewhere.page, true))).toMatchObject({ sub: canonical, aliases: [here, there] })
})

/** Ends the key of a principal of the account, as the app's list of devices does. */
function revoke(page: Page, principal: string): Promise<number> {
  return page.evaluate(async (wanted) => {
    const { keys } = (await (await fetch('/api/auth/latchkey/keys')).json()) as {
      keys: { principal: string; thumbprint: string }[]
    }
    const { thumbprint } = keys.find((key) => key.principal === wanted)!
    const answer = await fetch('/api/auth/latchkey/keys/revoke', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ thumbprint }),
    })
    return answer.status
  }, principal)
}

const notesAs = (page: Page) => page.evaluate(async () => (await account.auth.fetch('/api/notes')).status)
