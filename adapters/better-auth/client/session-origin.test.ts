import { magicLink, oneTimeToken } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { newPerson, post, userOf } from '../testing/requests.testing.ts'
import { type TestBrowser, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')
const eve = person('eve')

/** An unused account, and the cookies of its session. */
async function openAccount(server: TestServer): Promise<Map<string, string>> {
  const browser = server.browser()
  await browser.send('/sign-up/email', post(eve))
  return browser.cookies
}

// Whose session is it? Only the request that made it can tell.
onEachEngine((newServer) => {
  describe('a session that a request without a proof of this device made', () => {
    test('waits, even if a one-time token brought it during `run`', async () => {
      const server = await newServer({ plugins: [oneTimeToken()] })
      const attacker = await newPerson(server)
      await attacker.browser.send('/sign-up/email', post(eve))
      const { token } = (await (await attacker.browser.send('/one-time-token/generate')).json()) as { token: string }
      const browser = server.browser()
      const auth = await load(browser)
      const result = await auth.upgrade(() =>
        browser.client.$fetch('/one-time-token/verify', { method: 'POST', body: { token } }),
      )
      expect(result).toMatchObject({ outcome: 'pending', account: { accountId: (await userOf(server))['id'] } })
      expect(auth.getState()).toMatchObject({ authMode: 'local-first' })
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test('waits, even if it was planted during `run`', async () => {
      const server = await newServer()
      const planted = await openAccount(server)
      const browser = server.browser()
      const auth = await load(browser)
      const result = await auth.upgrade(async () => {
        const failed = await browser.client.signIn.email({ email: ada.email, password: 'not hers' })
        for (const [name, value] of planted) browser.cookies.set(name, value)
        return { data: null, error: null, failed }
      })
      expect(result.outcome).toBe('pending')
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      // The user sees whose it is, and may say so.
      expect(await auth.acceptAccount()).toMatchObject({ outcome: 'upgraded' })
    })

    test('waits on a device without an identity, unless `run` itself signed in', async () => {
      const server = await newServer({ plugins: [magicLink({ sendMagicLink: async () => {} })] })
      const planted = await openAccount(server)
      const browser = server.browser()
      const auth = await load(browser)
      await auth.signOut()
      const result = await auth.upgrade(async () => {
        const asked = await browser.client.$fetch('/sign-in/magic-link', { method: 'POST', body: { email: ada.email } })
        for (const [name, value] of planted) browser.cookies.set(name, value)
        return asked
      })
      expect(result).toMatchObject({ outcome: 'pending', account: { accountId: (await userOf(server))['id'] } })
      expect(auth.getState()).toMatchObject({ authMode: 'anonymous' })
      expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({ outcome: 'switched' })
    })

    test.each<[string, (browser: TestBrowser, token: string) => Promise<unknown>]>([
      ['reads it', ({ client }) => client.getSession()],
      ['reads it by a POST', ({ client }) => client.$fetch('/get-session', { method: 'POST', body: {} })],
      [
        'gets it for a one-time token',
        ({ client }, token) => client.$fetch('/one-time-token/verify', { method: 'POST', body: { token } }),
      ],
    ])('waits on a device without an identity, even if `run` %s', async (_, read) => {
      const server = await newServer({
        plugins: [magicLink({ sendMagicLink: async () => {} }), oneTimeToken()],
        session: { deferSessionRefresh: true },
      })
      const attacker = await newPerson(server)
      await attacker.browser.send('/sign-up/email', post(eve))
      const { token } = (await (await attacker.browser.send('/one-time-token/generate')).json()) as { token: string }
      const browser = server.browser()
      const auth = await load(browser)
      await auth.signOut()
      const result = await auth.upgrade(async () => {
        const asked = await browser.client.$fetch('/sign-in/magic-link', { method: 'POST', body: { email: ada.email } })
        for (const [name, value] of attacker.browser.cookies) browser.cookies.set(name, value)
        expect(await read(browser, token)).toMatchObject({ data: { user: { email: eve.email } } })
        return asked
      })
      expect(result).toMatchObject({ outcome: 'pending', account: { accountId: (await userOf(server))['id'] } })
      expect(auth.getState()).toMatchObject({ authMode: 'anonymous' })
    })

    test('is bound to no other account than the one that was shown', async () => {
      const server = await newServer()
      const browser = server.browser()
      await browser.send('/sign-up/email', post(ada))
      const shown = await userOf(server)
      const auth = await load(browser)
      await settled(auth, { phase: 'pending', upgrade: { account: { accountId: shown['id'] } } })
      const planted = await openAccount(server)
      // Between the look at the session and the request that binds it.
      const swap = async (request: Request, forward: () => Promise<Response>): Promise<Response> => {
        const answer = await forward()
        if (request.url.includes('peek=1')) for (const [name, value] of planted) browser.cookies.set(name, value)
        else browser.intercept = swap
        return answer
      }
      browser.intercept = swap
      expect(await auth.acceptAccount()).toMatchObject({
        outcome: 'failed',
        error: { code: 'PROOF_IDENTIFIER_MISMATCH' },
      })
      expect(await userOf(server, eve.email)).toMatchObject({ principal: null, principalOpen: true })
    })
  })

  test('what the user typed stays, whatever address a later request of `run` sends, until the app says otherwise', async () => {
    const server = await newServer({ plugins: [magicLink({ sendMagicLink: async () => {} })] })
    const { client, load: start } = server.browser()
    const auth = await start()
    const ask = (email: string) => () => client.$fetch('/sign-in/magic-link', { method: 'POST', body: { email } })
    expect(await auth.upgrade(ask(ada.email))).toMatchObject({ outcome: 'pending', pending: { expected: ada.email } })
    await auth.upgrade(ask('friend@example.com'))
    expect(auth.getState().upgrade).toMatchObject({ pending: { expected: ada.email } })
    await auth.upgrade(ask('new@example.com'), { identifier: 'new@example.com' })
    expect(auth.getState().upgrade).toMatchObject({ pending: { expected: 'new@example.com' } })
    await auth.cancelUpgrade()
    expect(await auth.upgrade(ask('friend@example.com'))).toMatchObject({ pending: { expected: 'friend@example.com' } })
  })

  test('the server says which key made a session', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    expect(await one.session()).toMatchObject({ provenBy: one.device.principal })
    const two = await newPerson(server)
    await two.browser.send('/sign-in/email', post(ada))
    expect(await two.session()).toMatchObject({ provenBy: null })
  })

  test('a session that the browser did not keep is distinguished from an expected mail', async () => {
    const server = await newServer()
    await server.browser().send('/sign-up/email', post(ada))
    const browser = server.browser()
    const auth = await load(browser)
    // As where third-party cookies are blocked.
    const set = browser.cookies.set.bind(browser.cookies)
    browser.cookies.set = () => browser.cookies
    expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
      outcome: 'failed',
      error: { code: 'SESSION_NOT_KEPT' },
    })
    browser.cookies.set = set
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
    expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ outcome: 'upgraded' })
  })
})
