import { emailOTP, magicLink } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import type { Auth } from '../../../lib/index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { mailing, pathOf, post, userOf } from '../testing/requests.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')

type Fetch = (path: string, options?: object) => Promise<unknown>

// A user signs up in `upgrade` where verification is not required, and proves the address later, in every way there is.
onEachEngine((newServer) => {
  async function signedUp() {
    const mails = mailing()
    const send = (mail: object) => mails.send(mail)
    const server = await newServer({
      emailVerification: { sendVerificationEmail: send, autoSignInAfterVerification: true },
      plugins: [magicLink({ sendMagicLink: send }), emailOTP({ sendVerificationOTP: send })],
    })
    const browser = server.browser()
    const auth = await load(browser)
    const { principal } = auth.getState().session!
    const fetch = browser.client.$fetch as Fetch
    expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({ outcome: 'upgraded' })
    const mailed = async (path: string, body: object) => {
      await server.browser().send(path, post(body))
      return mails.last()
    }
    return { server, browser, auth, principal, fetch, mailed }
  }

  const kept = (principal: string) => ({ authMode: 'external', session: { principal, principals: [principal] } })
  const expectConfirmed = async (server: TestServer, auth: Auth, principal: string): Promise<void> => {
    await settled(auth, { ...kept(principal), storage: { durability: 'recoverable' } })
    expect(auth.getState()).not.toHaveProperty('error')
    expect(await userOf(server)).toMatchObject({ principal, principalMailbox: ada.email })
  }

  describe('keeps the principal', () => {
    for (const when of ['at once', 'after a reload'] as const) {
      const again = async (given: Awaited<ReturnType<typeof signedUp>>): Promise<Auth> => {
        if (when === 'at once') return given.auth
        given.auth.close()
        return load(given.browser)
      }

      test(`verifying the mailed link inside upgrade, ${when}`, async () => {
        const given = await signedUp()
        const { token } = await given.mailed('/send-verification-email', { email: ada.email })
        const auth = await again(given)
        expect(await auth.upgrade(() => given.browser.client.verifyEmail({ query: { token } }))).toMatchObject({
          outcome: 'upgraded',
          session: { principal: given.principal },
        })
        await expectConfirmed(given.server, auth, given.principal)
      })

      test(`following a magic link inside upgrade, ${when}`, async () => {
        const given = await signedUp()
        const auth = await again(given)
        const { token } = await given.mailed('/sign-in/magic-link', { email: ada.email })
        const outcome = await auth.upgrade(() => given.fetch(`/magic-link/verify?token=${token}`))
        expect(outcome).toMatchObject({ outcome: 'upgraded', session: { principal: given.principal } })
        await expectConfirmed(given.server, auth, given.principal)
      })

      test(`typing a code inside upgrade, ${when}`, async () => {
        const given = await signedUp()
        const auth = await again(given)
        const { otp } = await given.mailed('/email-otp/send-verification-otp', { email: ada.email, type: 'sign-in' })
        const body = { email: ada.email, otp }
        const outcome = await auth.upgrade(() => given.fetch('/sign-in/email-otp', { method: 'POST', body }))
        expect(outcome).toMatchObject({ outcome: 'upgraded', session: { principal: given.principal } })
        await expectConfirmed(given.server, auth, given.principal)
      })
    }

    test('opening the mailed link in the same browser', async () => {
      const { server, browser, auth, principal, mailed } = await signedUp()
      const { url } = await mailed('/send-verification-email', { email: ada.email })
      await browser.send(pathOf(url))
      auth.close()
      await expectConfirmed(server, await load(browser), principal)
    })

    test('a mail program opening the mailed link elsewhere', async () => {
      const { server, browser, auth, principal, mailed } = await signedUp()
      const { url } = await mailed('/send-verification-email', { email: ada.email })
      await server.browser().send(pathOf(url))
      auth.close()
      const again = await load(browser)
      await settled(again, kept(principal))
      expect(again.getState()).not.toHaveProperty('error')
      expect(await again.getToken()).toEqual(expect.any(String))
    })
  })

  test('an account without a principal keeps its password and the alias of this device, following a magic link inside upgrade', async () => {
    const mails = mailing()
    const send = (mail: object) => mails.send(mail)
    const server = await newServer({
      emailVerification: { sendVerificationEmail: send },
      plugins: [magicLink({ sendMagicLink: send })],
    })
    const phone = server.browser()
    await phone.send('/sign-up/email', post(ada))
    await phone.send('/latchkey/session')
    await phone.send('/send-verification-email', post({ email: ada.email }))
    await server.browser().send(pathOf(mails.last().url))
    const laptop = server.browser()
    const auth = await load(laptop, { harden: 'never' })
    await auth.markWritten()
    const { principal: alias } = auth.getState().session!
    await auth.upgrade(() => laptop.client.signIn.email(ada))
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
    const accountId = String((await userOf(server))['id'])
    await phone.send('/sign-in/magic-link', post({ email: ada.email }))
    const follow = () => (laptop.client.$fetch as Fetch)(`/magic-link/verify?token=${mails.last().token}`)
    expect(await auth.upgrade(follow, { identifier: ada.email })).toMatchObject({
      outcome: 'upgraded',
      session: { principal: accountId, principals: [accountId, alias] },
    })
    expect(await server.rows('account')).toHaveLength(1)
    await settled(auth, { storage: { durability: 'recoverable' } })
  })

  describe('an account that was reset, since its mailbox was entered without the key', () => {
    const reset = async () => {
      const given = await signedUp()
      const { url } = await given.mailed('/send-verification-email', { email: ada.email })
      const elsewhere = given.server.browser()
      await elsewhere.send(pathOf(url))
      const { session } = (await (await elsewhere.send('/latchkey/session')).json()) as {
        session: { principal: string }
      }
      expect(session.principal).not.toBe(given.principal)
      given.auth.close()
      return { ...given, fresh: session.principal }
    }

    test('gets the principal of its device back as an alias, at the next contact', async () => {
      const { browser, principal, fresh } = await reset()
      const changes: object[] = []
      const again = await load(browser, { onPrincipalChange: (change) => void changes.push(change) })
      await settled(again, { authMode: 'external', session: { principal: fresh, principals: [fresh, principal] } })
      expect(again.getState()).not.toHaveProperty('error')
      expect(changes).toEqual([{ from: principal, to: fresh, reason: 'recordChanged' }])
      expect(await again.getToken()).toEqual(expect.any(String))
      again.close()
      await settled(await load(browser), { session: { principal: fresh, principals: [fresh, principal] } })
    })

    test('and again, after a change of address: gets the principal of its device back once more', async () => {
      const { server, browser, principal, fresh, mailed } = await reset()
      const first = await load(browser)
      await settled(first, { session: { principals: [fresh, principal] } })
      first.close()
      await server.change('user', { email: 'new@example.com', emailVerified: false })
      const { url } = await mailed('/send-verification-email', { email: 'new@example.com' })
      const elsewhere = server.browser()
      await elsewhere.send(pathOf(url))
      await elsewhere.send('/latchkey/session')
      const { principal: second } = await userOf(server)
      expect(second).not.toBe(fresh)
      await settled(await load(browser), {
        authMode: 'external',
        session: { principal: second, principals: expect.arrayContaining([second, fresh, principal]) },
      })
    })

    test('gets it back at the next sign-in, where the session ended with the reset', async () => {
      const { server, browser, principal, fresh } = await reset()
      await server.adapter.deleteMany({ model: 'session', where: [] })
      const again = await load(browser)
      await settled(again, { ...kept(principal), error: 'missing' })
      expect(await again.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal: fresh, principals: [fresh, principal] },
      })
      expect(again.getState()).not.toHaveProperty('error')
    })

    test('stays as it was here while the account server refuses the link, and still follows a sign-in', async () => {
      const { server, browser, principal, fresh } = await reset()
      // Another account has the principal by now: its key was used elsewhere.
      await server.change('latchkeyPrincipal', { kind: 'retired' }, { principal })
      const again = await load(browser)
      await settled(again, { ...kept(principal), error: 'missing' })
      expect(await again.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'switched',
        session: { principal: fresh, principals: [fresh] },
      })
    })
  })
})
