import type { BetterAuthOptions } from 'better-auth'
import { anonymous, emailOTP, magicLink, phoneNumber, twoFactor, username } from 'better-auth/plugins'
import { decodeJwt } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { mailing, pathOf, post, userOf } from '../testing/requests.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from '../index.ts'
import { ORIGIN, type TestBrowser, person } from '../testing/server.testing.ts'

const ada = person('ada')
const eve = person('eve')
const PHONE = '+15550100'

type Fetch = (path: string, options?: object) => Promise<unknown>

onEachEngine((newServer) => {
  /** A first visit: an identity, and no account yet. */
  async function firstVisit(extra: Partial<BetterAuthOptions> = {}) {
    const server = await newServer(extra)
    const browser = server.browser()
    const auth = await load(browser)
    const { principal } = auth.getState().session!
    const send = (path: string, body: object) => (browser.client.$fetch as Fetch)(path, { method: 'POST', body })
    return { server, browser, auth, principal, send }
  }

  const follow = (browser: TestBrowser, url: string): Promise<Response> => browser.send(pathOf(url))
  const verify = ({ client }: TestBrowser, token: string) =>
    (client.$fetch as Fetch)(`/magic-link/verify?token=${token}`)

  describe('in one step', () => {
    test('username', async () => {
      const { auth, send, principal } = await firstVisit({ plugins: [username()] })
      expect(await auth.upgrade(() => send('/sign-up/email', { ...ada, username: 'ada' }))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
      await auth.signOut()
      expect(
        await auth.upgrade(() => send('/sign-in/username', { username: 'ada', password: ada.password })),
      ).toMatchObject({ outcome: 'switched', session: { principal } })
    })

    test('an open account, by its password', async () => {
      const { server, auth, send, principal } = await firstVisit()
      await server.browser().send('/sign-up/email', post(ada))
      expect(await auth.upgrade(() => send('/sign-in/email', ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
    })

    test('again, by a user who is signed in: a wrong password is a refusal', async () => {
      const { auth, send, principal } = await firstVisit()
      await auth.upgrade(() => send('/sign-up/email', ada))
      expect(await auth.upgrade(() => send('/sign-in/email', { ...ada, password: 'a wrong one' }))).toMatchObject({
        outcome: 'failed',
        error: { code: 'PROVIDER_REFUSED' },
      })
      expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready', session: { principal } })
      expect(await auth.upgrade(() => send('/sign-in/email', ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
    })
  })

  describe('in two steps', () => {
    test('e-mail code', async () => {
      const mail = mailing()
      const { browser, auth, send, principal } = await firstVisit({
        plugins: [emailOTP({ sendVerificationOTP: mail.send })],
      })
      expect(
        await auth.upgrade(() => send('/email-otp/send-verification-otp', { email: ada.email, type: 'sign-in' })),
      ).toMatchObject({ outcome: 'pending', pending: { expected: ada.email } })
      const reloaded = await load(browser)
      expect(reloaded.getState()).toMatchObject({ phase: 'pending', session: { principal } })
      expect(
        await reloaded.upgrade(() => send('/sign-in/email-otp', { email: ada.email, otp: 'wrong' })),
      ).toMatchObject({ outcome: 'failed' })
      expect(reloaded.getState()).toMatchObject({ phase: 'pending', session: { principal } })
      expect(
        await reloaded.upgrade(() => send('/sign-in/email-otp', { email: ada.email, otp: mail.last().otp })),
      ).toMatchObject({ outcome: 'upgraded', session: { principal } })
    })

    test('phone code', async () => {
      const mail = mailing()
      const { auth, send, principal } = await firstVisit({
        plugins: [
          phoneNumber({
            sendOTP: mail.send,
            signUpOnVerification: { getTempEmail: (number) => `${number}@phone.invalid` },
          }),
        ],
      })
      expect(await auth.upgrade(() => send('/phone-number/send-otp', { phoneNumber: PHONE }))).toMatchObject({
        outcome: 'pending',
        pending: { expected: PHONE },
      })
      expect(
        await auth.upgrade(() => send('/phone-number/verify', { phoneNumber: PHONE, code: mail.last().code })),
      ).toMatchObject({ outcome: 'upgraded', session: { principal } })
    })

    test('second factor (checklist 26: two-factor)', async () => {
      const { server, auth, send, principal } = await firstVisit({ plugins: [twoFactor()] })
      const first = server.browser()
      await first.client.signUp.email(ada)
      const { backupCodes } = (await (
        await first.send('/two-factor/enable', post({ password: ada.password }))
      ).json()) as { backupCodes: string[] }
      await server.change('user', { twoFactorEnabled: true })
      await server.change('twoFactor', { verified: true })
      expect(await auth.upgrade(() => send('/sign-in/email', ada))).toMatchObject({ outcome: 'pending' })
      expect(auth.getState()).toMatchObject({ phase: 'pending', authMode: 'local-first' })
      expect(await auth.upgrade(() => send('/two-factor/verify-backup-code', { code: backupCodes[0] }))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
    })
  })

  describe('by a link', () => {
    const linked = async () => {
      const mail = mailing()
      const given = await firstVisit({ plugins: [magicLink({ sendMagicLink: mail.send })] })
      const ask = (email: string) => given.auth.upgrade(() => given.send('/sign-in/magic-link', { email }))
      return { ...given, mail, ask }
    }

    test('in the same browser: the page that the link leads to completes it by itself', async () => {
      const { server, browser, mail, ask, principal } = await linked()
      expect(await ask(ada.email)).toMatchObject({ outcome: 'pending', pending: { expected: ada.email } })
      await follow(browser, mail.last().url)
      await settled(await browser.load(), { phase: 'ready', authMode: 'external', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal, emailVerified: true })
    })

    test('in another tab: the tab that waits sees it', async () => {
      const { browser, auth, mail, ask, principal } = await linked()
      await ask(ada.email)
      await follow(browser, mail.last().url)
      await settled(await browser.load(), { authMode: 'external' })
      await auth.listIdentities()
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'external', session: { principal } })
    })

    test('in another browser: nothing is taken from here, and the next link from here completes it', async () => {
      const { server, browser, auth, mail, ask, principal } = await linked()
      await ask(ada.email)
      await follow(server.browser(), mail.last().url)
      await load(browser)
      expect(auth.getState()).toMatchObject({ phase: 'pending', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      await ask(ada.email)
      await follow(browser, mail.last().url)
      await settled(await browser.load(), { authMode: 'external', session: { principal: expect.any(String) } })
    })

    test('followed by the page itself, with what was typed', async () => {
      const { server, browser, auth, mail, ask, principal } = await linked()
      await ask(ada.email)
      expect(await auth.upgrade(() => verify(browser, mail.last().token))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
      expect(await userOf(server)).toMatchObject({ principal, emailVerified: true })
    })

    test("that another person sent: its account waits, and is accepted only with the user's confirmation", async () => {
      const { server, browser, mail, ask, principal } = await linked()
      await ask(ada.email)
      const lure = server.browser()
      await lure.send('/sign-in/magic-link', post({ email: eve.email }))
      await follow(browser, mail.last().url)
      const auth = await browser.load()
      await settled(auth, { phase: 'pending', upgrade: { account: { identifiers: [eve.email] } } })
      expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      await auth.cancelUpgrade()
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first', session: { principal } })
      expect(await server.rows('session')).toEqual([])
    })

    test('that another person sent, followed by the page itself: refused, without a sign-in', async () => {
      const { server, browser, auth, mail, ask, principal } = await linked()
      await ask(ada.email)
      await server.browser().send('/sign-in/magic-link', post({ email: eve.email }))
      expect(await auth.upgrade(() => verify(browser, mail.last().token))).toMatchObject({ outcome: 'failed' })
      expect(auth.getState()).toMatchObject({ phase: 'pending', authMode: 'local-first', session: { principal } })
      expect(await server.rows('session')).toEqual([])
    })

    test("that another person sent, followed by the page itself with nothing typed before: its account waits for the user's confirmation", async () => {
      const { server, browser, auth, mail, principal } = await linked()
      await server.browser().send('/sign-in/magic-link', post({ email: eve.email }))
      expect(await auth.upgrade(() => verify(browser, mail.last().token))).toMatchObject({
        outcome: 'pending',
        account: { identifiers: [eve.email] },
      })
      expect(auth.getState()).toMatchObject({ phase: 'pending', authMode: 'local-first', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
      await auth.cancelUpgrade()
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first', session: { principal } })
      expect(await server.rows('session')).toEqual([])
    })

    test("without anything typed before: its account waits for the user's confirmation", async () => {
      const { server, browser, mail, principal } = await linked()
      await server.browser().send('/sign-in/magic-link', post({ email: ada.email }))
      await follow(browser, mail.last().url)
      const auth = await browser.load()
      await settled(auth, { upgrade: { account: { identifiers: [ada.email] } } })
      expect(await auth.acceptAccount()).toMatchObject({ outcome: 'upgraded', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal })
    })
  })

  describe('with required verification', () => {
    const verified = async (more: BetterAuthOptions['emailVerification'] = {}) => {
      const mail = mailing()
      const emailVerification = {
        sendVerificationEmail: mail.send,
        sendOnSignUp: true,
        autoSignInAfterVerification: true,
        ...more,
      }
      const given = await firstVisit({
        emailAndPassword: { enabled: true, requireEmailVerification: true },
        emailVerification,
      } as Partial<BetterAuthOptions>)
      expect(await given.auth.upgrade(() => given.send('/sign-up/email', ada))).toMatchObject({
        outcome: 'pending',
        pending: { expected: ada.email },
      })
      return { ...given, mail }
    }

    test('a page of the app that verifies keeps the identity', async () => {
      const { server, browser, mail, principal } = await verified()
      const page = await load(browser)
      const run = () => (browser.client.$fetch as Fetch)(`/verify-email?token=${mail.last().token}`)
      expect(await page.upgrade(run)).toMatchObject({ outcome: 'upgraded', session: { principal } })
      expect(await userOf(server)).toMatchObject({ principal, emailVerified: true })
      expect(page.getState().storage.durability).toBe('recoverable')
    })

    test('an expired link is a refusal, and is followed once: it does not mean that the clock is wrong', async () => {
      const { browser, mail, principal } = await verified({ expiresIn: -1 })
      const page = await load(browser, { clock: () => Date.now() + 5000 })
      const run = vi.fn(() => (browser.client.$fetch as Fetch)(`/verify-email?token=${mail.last().token}`))
      expect(await page.upgrade(run)).toMatchObject({
        outcome: 'failed',
        error: { code: 'PROVIDER_REFUSED', cause: { code: 'TOKEN_EXPIRED' } },
      })
      expect(run).toHaveBeenCalledOnce()
      expect(page.getState()).toMatchObject({ phase: 'pending', session: { principal } })
    })

    test('a link that is just opened says nothing of the device: the account gets a principal of its own, the device keeps its own', async () => {
      const { server, browser, mail, principal } = await verified()
      await follow(browser, mail.last().url)
      const again = await browser.load()
      await settled(again, { authMode: 'external' })
      const fresh = (await userOf(server))['principal']
      expect(fresh).not.toBe(principal)
      expect(again.getState()).toMatchObject({ session: { principal: fresh } })
      const keyring = (await browser.store.read()) as { entries: { principal: string }[] }
      expect(keyring.entries.map((entry) => entry.principal)).toContain(principal)
    })

    test('opened in another browser, it changes no identity here, and the upgrade stays pending', async () => {
      const { server, browser, mail, principal } = await verified()
      await follow(server.browser(), mail.last().url)
      expect((await load(browser)).getState()).toMatchObject({
        phase: 'pending',
        authMode: 'local-first',
        session: { principal },
      })
    })
    test("a link that another person sent for their own account, verified by a page of the app: their account waits for the user's confirmation", async () => {
      const mail = mailing()
      const emailVerification = {
        sendVerificationEmail: mail.send,
        sendOnSignUp: true,
        autoSignInAfterVerification: true,
      }
      const { server, browser, auth, principal } = await firstVisit({
        emailAndPassword: { enabled: true, requireEmailVerification: true },
        emailVerification,
      } as Partial<BetterAuthOptions>)
      await server.browser().client.signUp.email(eve)
      const run = () => (browser.client.$fetch as Fetch)(`/verify-email?token=${mail.last().token}`)
      expect(await auth.upgrade(run)).toMatchObject({ outcome: 'pending', account: { identifiers: [eve.email] } })
      expect(auth.getState()).toMatchObject({ phase: 'pending', authMode: 'local-first', session: { principal } })
    })
  })

  describe('while an app moves its users to Latchkey', () => {
    test("a signed-in user stays signed in, and the device's new identity is given to no account", async () => {
      const server = await newServer()
      const browser = server.browser()
      await browser.client.signUp.email(ada)
      const auth = await browser.load({ migrateSessionsUntil: Date.now() + 60_000 })
      await settled(auth, { authMode: 'external' })
      const user = await userOf(server)
      expect(auth.getState().session!.principal).toBe(user['id'])
      expect(user).toMatchObject({ principal: null, principalOpen: false })
    })

    test("a user of the anonymous plugin is not an account: the device's identity stays current, and binds the account that follows", async () => {
      const server = await newServer({ plugins: [anonymous()] })
      const browser = server.browser()
      await browser.send('/sign-in/anonymous', post({}))
      const auth = await load(browser)
      await auth.listIdentities()
      const { principal } = auth.getState().session!
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
      expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
      expect(await userOf(server)).toMatchObject({ email: ada.email, principal })
    })

    test('one request tells an app both, the user of the anonymous plugin and the device that takes over', async () => {
      const server = await newServer({ plugins: [anonymous()] })
      const browser = server.browser()
      await browser.send('/sign-in/anonymous', post({}))
      const auth = await load(browser)
      const headers = { authorization: `Bearer ${await auth.getToken()}` }
      const found = (await (await browser.send('/get-session', { headers })).json()) as { user: object }
      expect(found.user).toMatchObject({ id: (await userOf(server))['id'], isAnonymous: true })
      const who = await createBetterAuthResolver(server.auth).resolve(new Request(ORIGIN, { headers }))
      expect(who).toMatchObject({
        ok: true,
        session: { principal: auth.getState().session!.principal, authMode: 'local-first' },
      })
    })
  })

  describe('an audience that is exchanged', () => {
    const API = 'https://api.example'
    const exchanged = async () => {
      const given = await firstVisit({ plugins: [latchkey({ exchange: { audiences: [API] } }), latchkeyJwt()] })
      const auth = await given.browser.load({
        audiences: {
          [API]: { audience: API, via: 'exchange' },
          'https://other.example': { audience: 'https://other.example', via: 'exchange' },
        },
        harden: 'never',
      })
      const claimsOf = async () => decodeJwt((await auth.getToken({ audience: API }))!)
      return { ...given, auth, claimsOf }
    }

    test("is served for the device's proof, and for the account's session after the upgrade", async () => {
      const { auth, send, principal, claimsOf } = await exchanged()
      expect(await claimsOf()).toMatchObject({ sub: principal, aud: API, auth_mode: 'local-first' })
      expect(await auth.upgrade(() => send('/sign-up/email', ada))).toMatchObject({ outcome: 'upgraded' })
      expect(await claimsOf()).toMatchObject({ sub: principal, aud: API, auth_mode: 'external' })
    })

    test('that the server does not know is refused', async () => {
      const { auth } = await exchanged()
      await expect(auth.getToken({ audience: 'https://other.example' })).rejects.toMatchObject({
        code: 'PROVIDER_REFUSED',
      })
    })

    test('is missing once the session ended', async () => {
      const { auth, browser, send } = await exchanged()
      await auth.upgrade(() => send('/sign-up/email', ada))
      browser.cookies.clear()
      await expect(auth.getToken({ audience: API })).rejects.toMatchObject({ code: 'SESSION_MISSING' })
      expect(auth.getState().error).toBe('missing')
    })
  })
})
