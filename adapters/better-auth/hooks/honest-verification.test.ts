import type { AuthContext, BetterAuthOptions } from 'better-auth'
import { emailOTP, magicLink } from 'better-auth/plugins'
import { describe, expect, test, vi } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { EXPECT_HEADER } from '../index.ts'
import { link } from '../testing/link.testing.ts'
import { type Person, mailing, newPerson, pathOf, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')

// A user who signed up with a proof keeps the principal, whichever way they verify their address. What looks the same
// from outside, an address of another person, still takes the account from its creator.
onEachEngine((newServer) => {
  const open = async (more: Partial<BetterAuthOptions> = {}) => {
    const mails = mailing()
    const send = (mail: object) => mails.send(mail)
    const server = await newServer({
      ...more,
      emailAndPassword: { enabled: true, sendResetPassword: send },
      emailVerification: { sendVerificationEmail: send, autoSignInAfterVerification: true },
      plugins: [magicLink({ sendMagicLink: send }), emailOTP({ sendVerificationOTP: send })],
    })
    const creator = await newPerson(server)
    expect((await creator.prove('/sign-up/email', ada)).status).toBe(200)
    expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: false })
    const mailed = async (): Promise<string> => {
      await creator.browser.send('/send-verification-email', post({ email: ada.email }))
      return pathOf(mails.last().url)
    }
    return { server, mails, creator, mailed }
  }

  const expectKept = async (server: TestServer, creator: Person): Promise<void> => {
    expect(await creator.session()).toMatchObject({
      principal: creator.device.principal,
      aliases: [],
      recoverable: true,
    })
    expect(await userOf(server)).toMatchObject({ principal: creator.device.principal })
    expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':')[0])).toEqual(['bind'])
  }

  describe('keeps the principal of a user who signed up with a proof', () => {
    test('the link, opened in the same browser by plain navigation', async () => {
      const { server, creator, mailed } = await open()
      expect((await creator.browser.send(await mailed())).status).toBe(200)
      await expectKept(server, creator)
    })

    test('the link, opened in the same browser while the database fails at a look at the session', async () => {
      for (let place = 1, looks = place; place <= looks; place++) {
        const { server, creator, mailed } = await open()
        const path = await mailed()
        const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
        const { findSession } = internalAdapter
        looks = 0
        const look = vi.spyOn(internalAdapter, 'findSession').mockImplementation(async (token) => {
          if (++looks === place) throw new Error('connection lost')
          return findSession(token)
        })
        await creator.browser.send(path)
        look.mockRestore()
        expect(looks).toBeGreaterThan(0)
        await creator.browser.send(path)
        await expectKept(server, creator)
      }
    })

    test('the link, opened in the same browser after signing out and in again with a proof', async () => {
      const { server, creator, mailed } = await open()
      const path = await mailed()
      await creator.browser.send('/sign-out', post({}))
      expect((await creator.prove('/sign-in/email', ada)).status).toBe(200)
      expect((await creator.browser.send(path)).status).toBe(200)
      await expectKept(server, creator)
    })

    test('the link, fetched with a proof and the typed address, signed out', async () => {
      const { server, creator, mailed } = await open()
      const path = await mailed()
      await creator.browser.send('/sign-out', post({}))
      expect((await creator.follow(AUDIENCE + path, { [EXPECT_HEADER]: ada.email })).status).toBe(200)
      await expectKept(server, creator)
    })

    test('a code, typed in the same browser', async () => {
      const { server, mails, creator } = await open()
      await creator.browser.send(
        '/email-otp/send-verification-otp',
        post({ email: ada.email, type: 'email-verification' }),
      )
      const body = { email: ada.email, otp: mails.last().otp }
      expect((await creator.browser.send('/email-otp/verify-email', post(body))).status).toBe(200)
      await expectKept(server, creator)
    })

    test('a magic link with a proof, after a mail program opened the verification link', async () => {
      const { server, mails, creator, mailed } = await open()
      expect((await server.browser().send(await mailed())).status).toBe(200)
      await creator.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      const headers = { [EXPECT_HEADER]: ada.email }
      expect((await creator.follow(AUDIENCE + pathOf(mails.last().url), headers)).status).toBe(200)
      await expectKept(server, creator)
    })
  })

  describe('a mail program that opens the link', () => {
    test('changes nothing for the sessions of the key, nor for a sign-in with the password', async () => {
      const { server, creator, mailed } = await open()
      expect((await server.browser().send(await mailed())).status).toBe(200)
      const phone = await newPerson(server)
      expect((await phone.browser.send('/sign-in/email', post(ada))).status).toBe(200)
      for (const each of [creator, phone, creator])
        expect(await each.session()).toMatchObject({ principal: creator.device.principal, recoverable: false })
      const { token } = (await (await phone.browser.send('/token')).json()) as { token: string }
      expect(JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')))).toMatchObject({
        sub: creator.device.principal,
      })
    })

    test('and asks who it is, gets an account of its own principal, and the device can have its own as an alias', async () => {
      const { server, creator, mailed } = await open()
      const mailApp = await newPerson(server)
      expect((await mailApp.browser.send(await mailed())).status).toBe(200)
      const fresh = (await mailApp.session())!.principal
      expect(fresh).not.toBe(creator.device.principal)
      expect(await creator.session()).toMatchObject({ principal: fresh, aliases: [], recoverable: true })
      // Its own work: no other user's credentials are asked for.
      expect((await link(creator, creator.device)).status).toBe(200)
      expect(await creator.session()).toMatchObject({ principal: fresh, aliases: [creator.device.principal] })
    })
  })

  test("a session of another account, made with that account's key, leaves it contested", async () => {
    const { server, creator, mailed } = await open()
    const [path, work] = [await mailed(), await newPerson(server)]
    expect((await work.prove('/sign-up/email', person('work'))).status).toBe(200)
    expect((await work.browser.send(path)).status).toBe(200)
    const { principal } = creator.device
    expect(await userOf(server, ada.email)).toMatchObject({ principal, principalMailboxBy: 'contested' })
  })

  describe('takes the account from a creator who used the address of another person', () => {
    test('the victim opens the link, and enters by a magic link', async () => {
      const { server, mails, creator: eve, mailed } = await open()
      await server.browser().send(await mailed())
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      const headers = await proofOf(victim.device, { [EXPECT_HEADER]: ada.email })
      await victim.browser.send(pathOf(mails.last().url), { headers })
      const own = await victim.session()
      expect([eve.device.principal, victim.device.principal]).not.toContain(own!.principal)
      expect(own).toMatchObject({ recoverable: true })
      // Nothing of Eve's opens the account any more.
      expect(await eve.session()).toBeNull()
      expect((await server.browser().send('/sign-in/email', post(ada))).status).toBe(401)
      expect((await link(victim, victim.device)).status).toBe(200)
    })

    test('the victim opens the link, and enters by a magic link, where the creator has more sessions and providers than one query reads', async () => {
      const { server, mails, mailed } = await open({
        advanced: { disableOriginCheck: false, database: { defaultFindManyLimit: 3 } },
      })
      await server.browser().send(await mailed())
      const { id: userId } = await userOf(server)
      const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
      for (let count = 0; count < 5; count++) {
        await internalAdapter.createSession(userId as string)
        await internalAdapter.createAccount({ userId: userId as string, providerId: 'idp', accountId: `eve-${count}` })
      }
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await victim.browser.send(pathOf(mails.last().url))
      expect(await victim.session()).not.toBeNull()
      expect(await server.rows('session')).toHaveLength(1)
      expect(await server.rows('account')).toEqual([])
    })

    test('the victim opens the link, and is signed in by it', async () => {
      const { server, creator: eve, mailed } = await open()
      const victim = await newPerson(server)
      expect((await victim.browser.send(await mailed())).status).toBe(200)
      expect((await victim.session())!.principal).not.toBe(eve.device.principal)
      // The creator's password is still there: nothing of the victim's goes in.
      expect((await link(victim, victim.device)).status).toBe(409)
    })

    test('the victim resets the password', async () => {
      const { server, mails, creator: eve, mailed } = await open()
      await server.browser().send(await mailed())
      await server.browser().send('/request-password-reset', post({ email: ada.email, redirectTo: '/' }))
      const token = mails.last().url.split('/').at(-1)!.split('?')[0]
      await server.browser().send('/reset-password', post({ newPassword: 'a new password', token }))
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/email', post({ email: ada.email, password: 'a new password' }))
      expect((await victim.session())!.principal).not.toBe(eve.device.principal)
    })

    test('the victim opens the link, and resets the password by a code', async () => {
      const { server, mails, creator: eve, mailed } = await open()
      await server.browser().send(await mailed())
      await server.browser().send('/email-otp/request-password-reset', post({ email: ada.email }))
      const body = { email: 'Ada@Example.com', otp: mails.last().otp, password: 'a new password' }
      expect((await server.browser().send('/email-otp/reset-password', post(body))).status).toBe(200)
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/email', post({ email: ada.email, password: 'a new password' }))
      expect((await victim.session())!.principal).not.toBe(eve.device.principal)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: expect.stringMatching(/^reset:/) })
    })

    test('a session of another account of the creator confirms nothing', async () => {
      const { server, creator: eve, mailed } = await open()
      const path = await mailed()
      await eve.browser.send('/sign-out', post({}))
      await eve.browser.send('/sign-up/email', post(person('eve')))
      await eve.browser.send(path)
      expect(await userOf(server, ada.email)).toMatchObject({ principalMailboxBy: 'contested' })
    })

    test('a session that the creator planted without the key confirms nothing', async () => {
      const { server, mailed } = await open()
      const path = await mailed()
      const victim = await newPerson(server)
      // The password is the creator's, and so is the session; the key did not sign for it.
      await victim.browser.send('/sign-in/email', post(ada))
      await victim.browser.send(path)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: 'contested' })
    })
  })
})
