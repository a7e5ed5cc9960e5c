import type { BrowserContext, Page } from '@playwright/test'
import type { AccountServer } from '../support/account-server.ts'
import {
  enter,
  expect,
  openTab,
  payloadOf,
  principalOf,
  someEmail,
  test,
  tokenOf,
  waitForState,
} from '../support/account.ts'
import { freeze, wake } from '../support/kept-browser.ts'

const TOKEN = 'GET /api/auth/token'
const HOUR = 3_600_000

/** One person's tabs, signed in, each with a token at hand. */
async function signedInTabs(context: BrowserContext, server: AccountServer, count: number): Promise<[Page, ...Page[]]> {
  const first = await openTab(context, server.url)
  expect(await enter(first, 'signUp', someEmail())).toBe('upgraded')
  const others = await Promise.all(Array.from({ length: count - 1 }, () => openTab(context, server.url)))
  for (const page of [first, ...others]) expect(payloadOf(await tokenOf(page))['sub']).toBe(await principalOf(first))
  await server.idle()
  server.forget()
  return [first, ...others]
}

/** Waits until so many tabs stand in line behind the one that refreshes. */
async function waitForLine(page: Page, length: number): Promise<void> {
  const isLine = async (wanted: number): Promise<boolean> =>
    (await navigator.locks.query()).pending!.filter(({ name }) => name?.endsWith(':token')).length === wanted
  await page.waitForFunction(isLine, length, { polling: 50 })
}

test('six tabs that need a fresh token at once ask for one (checklist 10: once, in all tabs)', async ({
  device,
  server,
}) => {
  const tabs = await signedInTabs((await device()).context, server, 6)
  const held = server.hold(TOKEN)
  const asked = tabs.map((page) => tokenOf(page, true))
  await waitForLine(tabs[0], 5)
  held.release()
  const tokens = new Set(await Promise.all(asked))
  expect(tokens.size).toBe(1)
  expect(payloadOf([...tokens][0])['sub']).toBe(await principalOf(tabs[0]))
  expect(server.count(TOKEN)).toBe(1)
})

const ends: Readonly<Record<string, (leader: Page) => Promise<unknown>>> = {
  closed: (leader) => leader.close(),
  async crashed(leader) {
    const session = await leader.context().newCDPSession(leader)
    const crash = leader.waitForEvent('crash')
    // The page cannot answer any more.
    void session.send('Page.crash').catch(() => {})
    await crash
  },
}

for (const [how, end] of Object.entries(ends)) {
  test(`a tab that is ${how} in mid-refresh hands over to another one`, async ({ device, server }) => {
    const [leader, ...others] = await signedInTabs((await device()).context, server, 4)
    const held = server.hold(TOKEN)
    void tokenOf(leader, true).catch(() => {})
    await held.waiting
    const asked = others.map((page) => tokenOf(page, true))
    await waitForLine(others[0]!, 3)
    await end(leader)
    await waitForLine(others[0]!, 2)
    held.release()
    expect(new Set(await Promise.all(asked)).size).toBe(1)
    expect(server.count(TOKEN)).toBe(2)
  })
}

test('a tab that was frozen in mid-refresh holds the others up for ten seconds and no longer', async ({
  launch,
  server,
}) => {
  const { context } = await launch()
  await context.clock.install()
  await context.clock.resume()
  const [leader, ...others] = await signedInTabs(context, server, 3)
  const principal = await principalOf(leader)
  const held = server.hold(TOKEN)
  const asked = tokenOf(leader, true)
  await held.waiting
  const waiting = others.map((page) => tokenOf(page, true))
  await waitForLine(others[0]!, 2)
  await freeze(leader)
  held.release()
  await server.idle()
  // It ends in the frozen tab only once that one is awake.
  const passed = context.clock.fastForward(10_000)
  for (const token of await Promise.all(waiting)) expect(payloadOf(token)['sub']).toBe(principal)
  await wake(leader)
  await passed
  expect(payloadOf(await asked)['sub']).toBe(principal)
  for (const page of [leader, ...others]) expect(await principalOf(page)).toBe(principal)
})

test('signing out in one tab ends the refresh of another without a token', async ({ device, server }) => {
  const [one, other] = await signedInTabs((await device()).context, server, 2)
  const held = server.hold(TOKEN)
  const asked = tokenOf(one, true)
  await held.waiting
  await other!.evaluate(() => account.auth.signOut())
  await waitForState(one, { authMode: 'anonymous' })
  held.release()
  expect(await asked).toBe('IDENTITY_CHANGED')
  expect(await tokenOf(one)).toBeNull()
})

test('a tab that was frozen in mid-refresh while another person signed in shows them, and keeps no token of the person before', async ({
  launch,
  server,
}) => {
  const { context } = await launch()
  const [one, other] = await signedInTabs(context, server, 2)
  const before = await principalOf(one)
  const held = server.hold(TOKEN)
  const asked = tokenOf(one, true)
  await held.waiting
  await freeze(one)
  held.release()
  await other!.evaluate(() => account.auth.signOut())
  await other!.evaluate(() => account.auth.ensureIdentity())
  expect(await enter(other!, 'signUp', someEmail())).toBe('upgraded')
  const after = await principalOf(other!)
  expect(after).not.toBe(before)
  await wake(one)
  expect(await asked).toBe('IDENTITY_CHANGED')
  await one.waitForFunction((principal) => account.auth.getState().session?.principal === principal, after, {
    polling: 50,
  })
  expect(payloadOf(await tokenOf(one))['sub']).toBe(after)
  const stored = await one.evaluate(() => account.dumpStorage())
  expect([...stored.matchAll(/"jwt":"([^"]+)"/g)].map(([, token]) => payloadOf(token!)['sub'])).toEqual([after])
})

test('a frozen tab that wakes after its token expired and its identity went gives no token and shows no identity', async ({
  launch,
  server,
}) => {
  const { context } = await launch()
  await context.clock.install()
  await context.clock.resume()
  const [one, other] = await signedInTabs(context, server, 2)
  await freeze(one)
  await other!.evaluate(() => account.auth.signOut())
  const before = await one.evaluate(() => Date.now())
  // It ends in the frozen tab only once that one is awake.
  const passed = context.clock.fastForward(HOUR)
  await expect.poll(() => one.evaluate(() => Date.now())).toBeGreaterThan(before + HOUR)
  const asked = tokenOf(one)
  await wake(one)
  expect([null, 'IDENTITY_CHANGED']).toContain(await asked)
  await waitForState(one, { authMode: 'anonymous' })
  expect(await tokenOf(one)).toBeNull()
  await passed
})

test('an upgrade in one tab while another waits for an answer changes nothing for it but the mode', async ({
  device,
  server,
}) => {
  const { context } = await device()
  const [one, other] = [await openTab(context, server.url), await openTab(context, server.url)]
  const principal = await principalOf(one)
  const held = server.hold('GET /api/notes')
  const answer = one.evaluate(async () => (await account.auth.fetch('/api/notes')).json())
  await held.waiting
  expect(await enter(other, 'signUp', someEmail())).toBe('upgraded')
  expect((await waitForState(one, { authMode: 'external' })).session?.principal).toBe(principal)
  held.release()
  expect(await answer).toMatchObject({ principal })
  expect(payloadOf(await tokenOf(one))).toMatchObject({ sub: principal, auth_mode: 'external' })
})

test('a request of one identity is never sent again as another one', async ({ device, server }) => {
  const { context } = await device()
  const [one, other] = [await openTab(context, server.url), await openTab(context, server.url)]
  const before = await principalOf(one)
  const bearers: unknown[] = []
  let answer!: () => void
  const gate = new Promise<void>((resolve) => (answer = resolve))
  await one.route('**/api/notes/*', async (route) => {
    bearers.push(payloadOf(route.request().headers()['authorization'])['sub'])
    await gate
    await route.fulfill({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' },
    })
  })
  const asked = one.waitForRequest('**/api/notes/*')
  const status = one.evaluate(
    async () => (await account.auth.fetch('/api/notes/1', { method: 'PUT', body: '{}' })).status,
  )
  await asked
  const { principal } = await other.evaluate(
    (secret) => account.auth.importSecret(secret, { replace: true }),
    Buffer.alloc(32, 7).toString('base64url'),
  )
  await one.waitForFunction((wanted) => account.auth.getState().session?.principal === wanted, principal, {
    polling: 50,
  })
  answer()
  expect(await status).toBe(401)
  expect(bearers).toEqual([before])
  // What was refused was the identity before.
  expect(await waitForState(one, { authMode: 'local-first' })).not.toHaveProperty('error')
  expect(payloadOf(await tokenOf(one))['sub']).toBe(principal)
})

test('two names on one origin never see each other', async ({ device, server }) => {
  const { context, events } = await device()
  const [here, there] = [
    await openTab(context, server.url, { name: 'here' }),
    await openTab(context, server.url, { name: 'there' }),
  ]
  const [ours, theirs] = [await principalOf(here), await principalOf(there)]
  expect(ours).not.toBe(theirs)
  const seen = async (): Promise<number> =>
    (await events({ page: there, name: 'there' })).filter(({ event }) => event === 'recordChanged').length
  const before = await seen()
  await there.evaluate(() =>
    new BroadcastChannel('latchkey:here').addEventListener('message', () => (document.title = 'heard')),
  )
  const held = server.hold('POST /api/auth/sign-up/email')
  const upgrade = enter(here, 'signUp', someEmail())
  await held.waiting
  // One act at a time is a rule of each name: this one does not wait for its turn.
  expect(await enter(there, 'signIn', someEmail())).toBe('PROVIDER_REFUSED')
  held.release()
  expect(await upgrade).toBe('upgraded')
  expect([await principalOf(here), await principalOf(there)]).toEqual([ours, theirs])
  // By now the other one's message has been in this page, too.
  await there.waitForFunction(() => document.title === 'heard', undefined, { polling: 50 })
  expect(await seen()).toBe(before)
  const kept = await here.evaluate(async () =>
    Promise.all(
      ['here', 'there', 'latchkey'].map(async (name) =>
        (await account.readRecord(name))?.entries.map(({ principal }) => principal),
      ),
    ),
  )
  expect(kept).toEqual([[ours, ours], [theirs], undefined])
})
