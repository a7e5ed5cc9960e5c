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

/** A user who signed up in this page. */
interface Person {
  readonly email: string
  readonly principal: string
  readonly secret: string
  readonly token: string
  readonly accountId: string
}

async function signUp(page: Page): Promise<Person> {
  const email = someEmail()
  const secret = await page.evaluate(() => account.auth.exportSecret())
  expect(await enter(page, 'signUp', email)).toBe('upgraded')
  const token = String(await tokenOf(page))
  expect(token).toMatch(/^ey/)
  const { entries } = (await page.evaluate(() => account.readRecord()))!
  const { accountId } = entries.find(({ kind }) => kind === 'account') as { accountId?: string }
  return { email, secret, token, accountId: accountId!, principal: payloadOf(token)['sub'] as string }
}

const signOut = (page: Page) => page.evaluate(() => account.codeOf(account.auth.signOut().then(() => 'done')))

const sessionsOf = (server: AccountServer, { accountId }: Person) =>
  server.rows('select id from session where "userId" = ?', accountId)

/** Ada clicked the link in the mail. */
function verify(server: AccountServer, { email }: Person): Promise<void> {
  return server.change('update "user" set "emailVerified" = true where email = ?', email)
}

/** What script can find of a user in the page's storage, or in what the browser kept of the server's answers. */
async function traceOf(page: Page, { email, secret, token, accountId, principal }: Person): Promise<string[]> {
  const kept = await page.evaluate(async () => {
    const answers = ['/api/auth/token', '/api/auth/latchkey/session', '/api/auth/get-session'].map((path) =>
      fetch(path, { cache: 'only-if-cached', mode: 'same-origin' }).then(
        (answer) => answer.text(),
        () => '',
      ),
    )
    return [await account.dumpStorage(), ...(await Promise.all(answers))]
  })
  const dump = kept.join()
  return Object.entries({ email, secret, token, accountId, principal })
    .filter(([, text]) => dump.includes(text))
    .map(([name]) => name)
}

const outboxOf = (page: Page) => page.evaluate(async () => (await account.readRecord())?.outbox)

test('offline it works at once, and the server hears of it after the browser was started again', async ({
  launch,
  server,
}) => {
  const first = await launch()
  await start(first.page, server.url)
  const ada = await signUp(first.page)
  expect(await sessionsOf(server, ada)).toHaveLength(1)
  await first.context.setOffline(true)
  expect(await signOut(first.page)).toBe('done')
  expect(await stateOf(first.page)).toMatchObject({ authMode: 'anonymous', session: null, phase: 'ready' })
  expect(await tokenOf(first.page)).toBeNull()
  expect(await outboxOf(first.page)).toHaveLength(2)
  expect(await sessionsOf(server, ada)).toHaveLength(1)
  await first.close()

  const second = await launch()
  expect(await start(second.page, server.url)).toMatchObject({ authMode: 'anonymous', session: null })
  await expect.poll(() => outboxOf(second.page)).toEqual([])
  expect(await sessionsOf(server, ada)).toEqual([])
})

test('a sign-out that waits is delivered before the next person signs up, and ends only its own session', async ({
  device,
  server,
}) => {
  const { page, goOffline, goOnline } = await device()
  await start(page, server.url)
  const ada = await signUp(page)
  await goOffline()
  expect(await signOut(page)).toBe('done')
  const held = server.hold('POST /api/auth/sign-out')
  await goOnline()
  await page.evaluate(() => account.auth.ensureIdentity())
  const signingUp = signUp(page)
  await held.waiting
  expect(server.count('POST /api/auth/sign-up/email')).toBe(1)
  held.release()
  const bob = await signingUp
  expect(await sessionsOf(server, ada)).toEqual([])
  expect(await sessionsOf(server, bob)).toHaveLength(1)
  expect(bob.principal).not.toBe(ada.principal)
  expect(payloadOf(await tokenOf(page, true))['sub']).toBe(bob.principal)
})

test('what is not synced yet vetoes it, and nothing has changed', async ({ device, server }) => {
  const { page } = await device()
  await start(page, server.url)
  const ada = await signUp(page)
  const before = await stateOf(page)
  await page.evaluate(() => account.open({ beforeSignOut: () => ({ unsynced: 2 }) }))
  expect(await signOut(page)).toBe('UNSYNCED_DATA')
  expect(await stateOf(page)).toMatchObject({
    authMode: 'external',
    session: { principal: before.session!.principal },
    phase: 'ready',
  })
  expect(await outboxOf(page)).toEqual([])
  expect(await sessionsOf(server, ada)).toHaveLength(1)
  await page.evaluate(() => account.auth.signOut({ force: true }))
  await expect.poll(() => sessionsOf(server, ada)).toEqual([])
})

test('the device key of an account that can be recovered goes with it, and so does everything else (checklist 28: recover, with the same principal)', async ({
  launch,
  server,
}) => {
  const first = await launch()
  await start(first.page, server.url, { harden: 'never' })
  const ada = await signUp(first.page)
  await verify(server, ada)
  await start(first.page, server.url, { harden: 'never' })
  await first.page.waitForFunction(() => account.auth.getState().storage.durability === 'recoverable')
  expect(await traceOf(first.page, ada)).toEqual(['email', 'secret', 'token', 'accountId', 'principal'])
  expect(await signOut(first.page)).toBe('done')
  await expect.poll(() => outboxOf(first.page)).toEqual([])
  expect(await traceOf(first.page, ada)).toEqual([])
  await first.close()

  // The next person, in the same browser.
  const { page, context, close } = await launch()
  expect(await start(page, server.url)).toMatchObject({ authMode: 'anonymous', session: null })
  expect(await page.evaluate(() => account.auth.listIdentities())).toEqual([])
  await page.evaluate(() => account.auth.ensureIdentity())
  expect(await principalOf(page)).not.toBe(ada.principal)
  const bob = await signUp(page)
  expect(bob.principal).not.toBe(ada.principal)
  expect(await traceOf(page, ada)).toEqual([])
  expect((await context.cookies()).filter(({ name }) => name.includes('session'))).toHaveLength(1)
  expect(await sessionsOf(server, ada)).toEqual([])
  // Ada comes back by her mailbox or password, on this device or another one, as who she was.
  expect(await signOut(page)).toBe('done')
  expect(await enter(page, 'signIn', ada.email)).toBe('switched')
  expect(await principalOf(page)).toBe(ada.principal)
  await close()
})

test('the device key of an account that could be lost is set aside: not current, and to be had again', async ({
  device,
  server,
}) => {
  const { page } = await device()
  await start(page, server.url)
  const ada = await signUp(page)
  expect(await signOut(page)).toBe('done')
  await expect.poll(() => outboxOf(page)).toEqual([])
  // The key and its principal stay by design; what the account gave does not.
  expect(await traceOf(page, ada)).toEqual(['secret', 'principal'])
  expect(await start(page, server.url)).toMatchObject({ authMode: 'anonymous', session: null })
  await page.evaluate(() => account.auth.ensureIdentity())
  expect(await principalOf(page)).not.toBe(ada.principal)
  expect(payloadOf(await tokenOf(page))['sub']).not.toBe(ada.principal)
  expect((await page.evaluate(() => account.auth.listIdentities())).map(({ principal }) => principal)).toEqual([
    ada.principal,
  ])

  await page.evaluate(() => account.auth.signOut())
  await page.evaluate((resume) => account.auth.ensureIdentity({ resume }), ada.principal)
  expect(await waitForState(page, { authMode: 'local-first' })).toMatchObject({ session: { principal: ada.principal } })
})

test('a key that something was encrypted with is set aside, too', async ({ device, server }) => {
  const { page } = await device()
  await start(page, server.url)
  await page.evaluate(() => account.auth.deriveKey('notes'))
  const ada = await signUp(page)
  await verify(server, ada)
  await start(page, server.url)
  // The server has said that the account is recoverable; what was encrypted is not.
  await expect
    .poll(() =>
      page.evaluate(async () =>
        (await account.readRecord())!.entries.some((entry) => 'recoverable' in entry && entry.recoverable),
      ),
    )
    .toBe(true)
  expect((await stateOf(page)).storage).toMatchObject({ durability: 'evictable', protection: 'extractable' })
  expect(await signOut(page)).toBe('done')
  expect((await page.evaluate(() => account.auth.listIdentities())).map(({ principal }) => principal)).toEqual([
    ada.principal,
  ])
})
