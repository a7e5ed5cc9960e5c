import { apiKey } from '@better-auth/api-key'
import { oauthProvider } from '@better-auth/oauth-provider'
import { passkey } from '@better-auth/passkey'
import type { BetterAuthPlugin } from 'better-auth'
import {
  admin,
  bearer,
  deviceAuthorization,
  emailOTP,
  magicLink,
  organization,
  phoneNumber,
  twoFactor,
} from 'better-auth/plugins'
import type { AccessControl } from 'better-auth/plugins/access'
import { defaultAc } from 'better-auth/plugins/organization/access'
import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { MAX_ROWS_READ } from '../binding/where.ts'
import { EXPECT_HEADER } from '../index.ts'
import { link } from '../testing/link.testing.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import { type Person, codeOf, mailing, newPerson, pathOf, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')
const PHONE = '+15550100'

interface ServerCalls {
  verifyEmail(given: object): Promise<unknown>
  resetPassword(given: object): Promise<unknown>
}

/** What an app calls on its server, without a request. */
const apiOf = ({ auth }: TestServer) => (auth as unknown as { readonly api: ServerCalls }).api

// No attacks here: people forget passwords, lose laptops, mistype addresses, ask for help. No user loses a
// principal.
onEachEngine((newServer) => {
  const open = async (isVerificationRequired = false, autoSignInAfterVerification = false) => {
    const mails = mailing()
    const codes = mailing()
    const server = await newServer({
      emailAndPassword: {
        enabled: true,
        sendResetPassword: mails.send,
        requireEmailVerification: isVerificationRequired,
      },
      emailVerification: {
        sendVerificationEmail: mails.send,
        sendOnSignUp: isVerificationRequired,
        autoSignInAfterVerification,
      },
      user: { changeEmail: { enabled: true } },
      plugins: [
        admin(),
        organization(),
        magicLink({ sendMagicLink: mails.send }),
        emailOTP({ sendVerificationOTP: mails.send }),
        phoneNumber({ sendOTP: codes.send }),
        twoFactor({ skipVerificationOnEnable: true }),
        deviceAuthorization({ verificationUri: '/device' }),
        bearer(),
      ],
    })
    const creator = await newPerson(server)
    const verifyPhone = async () => {
      await creator.browser.send('/phone-number/send-otp', post({ phoneNumber: PHONE }))
      const body = { phoneNumber: PHONE, code: codes.last().code, updatePhoneNumber: true }
      expect((await creator.browser.send('/phone-number/verify', post(body))).status).toBe(200)
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
    }
    const verificationPath = async () => {
      await creator.browser.send('/send-verification-email', post({ email: ada.email }))
      return pathOf(mails.last().url)
    }
    const resetPassword = async (newPassword: string, email = ada.email) => {
      await server.browser().send('/request-password-reset', post({ email, redirectTo: '/' }))
      const { token } = mails.last()
      return () => server.browser().send('/reset-password', post({ newPassword, token }))
    }
    return { server, mails, codes, creator, verifyPhone, verificationPath, resetPassword }
  }

  const signUp = async (creator: Person) => {
    expect((await creator.prove('/sign-up/email', ada)).status).toBe(200)
    expect(await creator.session()).toMatchObject({ principal: creator.device.principal })
  }

  const signIn = async (who: Person, password = ada.password, email = ada.email) => {
    expect((await who.browser.send('/sign-in/email', post({ email, password }))).status).toBe(200)
    return who.session()
  }

  /** The owner has reset the password by mail, signs in with it and ends what is left: their device is linked. */
  const expectOwnerLinks = async (server: Parameters<typeof newPerson>[0]) => {
    const own = await newPerson(server)
    await signIn(own, 'another password')
    await own.browser.send('/revoke-other-sessions', post({}))
    const linked = await link(own, own.device)
    expect([linked.status, await linked.json()]).toMatchObject([200, {}])
  }

  /** A mail program opens the link: it may be the creator's own, or that of the mailbox's owner. */
  const contest = async ({ server, creator, verificationPath }: Awaited<ReturnType<typeof open>>) => {
    await signUp(creator)
    expect((await server.browser().send(await verificationPath())).status).toBe(200)
    expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: false })
  }

  describe('an account without a principal, to which a device linked its own after a mail program had opened the mail', () => {
    const adopted = async (isVerified = true) => {
      const opened = await open()
      const { server, mails, creator } = opened
      await creator.browser.send('/sign-up/email', post(ada))
      if (isVerified) expect((await server.browser().send(await opened.verificationPath())).status).toBe(200)
      const laptop = await newPerson(server)
      await signIn(laptop)
      expect((await link(laptop, laptop.device)).status).toBe(200)
      const aliases = [laptop.device.principal]
      expect(await laptop.session()).toMatchObject({ aliases, recoverable: false })
      const byLink = async (one: Person) => {
        await one.browser.send('/sign-in/magic-link', post({ email: ada.email }))
        expect((await one.follow(pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })).status).toBe(200)
      }
      /** The password, the sessions and the alias are as they were. */
      const expectKept = async (password = ada.password) => {
        expect(await creator.session()).toMatchObject({ aliases, recoverable: true })
        expect(await signIn(await newPerson(server), password)).toMatchObject({ aliases, recoverable: true })
        const second = await newPerson(server)
        await signIn(second, password)
        expect((await link(second, second.device)).status).toBe(200)
      }
      return { ...opened, laptop, aliases, byLink, expectKept }
    }

    test('keeps everything after a magic link with the key of the device', async () => {
      const { laptop, byLink, expectKept } = await adopted()
      await byLink(laptop)
      await expectKept()
    })

    test('keeps everything after a code with the key', async () => {
      const { mails, laptop, expectKept } = await adopted()
      const { email } = ada
      await laptop.browser.send('/email-otp/send-verification-otp', post({ email, type: 'sign-in' }))
      expect((await laptop.prove('/sign-in/email-otp', { email, otp: mails.last().otp })).status).toBe(200)
      await expectKept()
    })

    test('keeps everything after a new password by mail with the key', async () => {
      const { mails, laptop, expectKept } = await adopted()
      await laptop.browser.send('/request-password-reset', post({ email: ada.email }))
      const body = { newPassword: 'another password', token: mails.last().token }
      expect((await laptop.prove('/reset-password', body)).status).toBe(200)
      await expectKept('another password')
    })

    test('keeps the alias after a magic link with the key that is the first proof of the mailbox', async () => {
      const { laptop, aliases, byLink } = await adopted(false)
      await byLink(laptop)
      expect(await laptop.session()).toMatchObject({ aliases, recoverable: true })
    })

    test('stays as it is after a sign-in with the key that proves no mailbox', async () => {
      const { server, codes, laptop, aliases } = await adopted()
      await server.change('user', { phoneNumber: PHONE, phoneNumberVerified: true })
      await laptop.browser.send('/phone-number/send-otp', post({ phoneNumber: PHONE }))
      const body = { phoneNumber: PHONE, code: codes.last().code }
      expect((await laptop.prove('/phone-number/verify', body)).status).toBe(200)
      expect(await laptop.session()).toMatchObject({ aliases, recoverable: false })
    })

    test('loses the alias of a key that was revoked', async () => {
      const { server, laptop, byLink } = await adopted()
      await server.change('latchkeyKey', { retiredAt: new Date() })
      await byLink(laptop)
      expect(await laptop.session()).toMatchObject({ aliases: [] })
    })
  })

  test('an account that was verified in a mail program keeps its password at a sign-in by mail without a device', async () => {
    const { server, mails, creator } = await open(true)
    await creator.browser.send('/sign-up/email', post(ada))
    expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
    await signIn(creator)
    const { email } = ada
    const later = await newPerson(server)
    await later.browser.send('/email-otp/send-verification-otp', post({ email, type: 'sign-in' }))
    const body = { email, otp: mails.last().otp }
    expect((await later.browser.send('/sign-in/email-otp', post(body))).status).toBe(200)
    expect(await later.session()).not.toBeNull()
    expect(await creator.session()).not.toBeNull()
    const laptop = await newPerson(server)
    await signIn(laptop)
    expect((await link(laptop, laptop.device)).status).toBe(200)
  })

  test('an admin who opens the mail of a user, whom they impersonate, does not vouch for the mailbox', async () => {
    const { server, creator, verificationPath } = await open()
    await creator.browser.send('/sign-up/email', post(ada))
    const root = await newPerson(server)
    const support = person('root')
    await root.browser.send('/sign-up/email', post(support))
    await server.change('user', { role: 'admin' }, { email: support.email })
    await signIn(root, support.password, support.email)
    const { id: userId } = await userOf(server, ada.email)
    expect((await root.browser.send('/admin/impersonate-user', post({ userId }))).status).toBe(200)
    expect((await root.browser.send(await verificationPath())).status).toBe(200)
    expect(await userOf(server, ada.email)).toMatchObject({ emailVerified: true, principalMailbox: null })
  })

  test('an admin who creates a user with a password adds no credential of their own', async () => {
    const { server, mails, creator, verificationPath } = await open()
    await signUp(creator)
    expect((await creator.browser.send(await verificationPath())).status).toBe(200)
    await server.change('user', { role: 'admin' })
    const phone = await newPerson(server)
    await phone.browser.send('/sign-in/magic-link', post({ email: ada.email }))
    expect((await phone.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const { principalMailboxBy } = await userOf(server)
    expect(principalMailboxBy).toMatch(/^session:/)
    expect((await phone.browser.send('/admin/create-user', post(person('ben')))).status).toBe(200)
    expect(await userOf(server, ada.email)).toMatchObject({ principalMailboxBy })
  })

  describe('a password that is reset', () => {
    test('after an admin vouched for the address leaves the principal as it was told', async () => {
      const { server, creator, resetPassword } = await open()
      await signUp(creator)
      await server.change('user', { emailVerified: true })
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
      expect((await (await resetPassword('another password'))()).status).toBe(200)
      expect(await signIn(await newPerson(server), 'another password')).toMatchObject({
        principal: creator.device.principal,
        recoverable: true,
      })
    })

    test('with one that is refused changes nothing, and with an accepted one resets the binding', async () => {
      const { server, creator, resetPassword } = await open()
      await signUp(creator)
      const refused = await (await resetPassword('short'))()
      expect([refused.status, await codeOf(refused)]).toEqual([400, 'PASSWORD_TOO_SHORT'])
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: false })
      expect((await (await resetPassword('another password'))()).status).toBe(200)
      const own = await signIn(await newPerson(server), 'another password')
      expect(own!.principal).not.toBe(creator.device.principal)
    })

    test('by a call of the server resets the binding as a request does', async () => {
      const { server, creator, mails } = await open()
      await signUp(creator)
      await server.browser().send('/request-password-reset', post({ email: ada.email, redirectTo: '/' }))
      const body = { newPassword: 'another password', token: mails.last().token }
      await apiOf(server).resetPassword({ body })
      expect((await signIn(await newPerson(server), 'another password'))!.principal).not.toBe(creator.device.principal)
    })
  })

  describe('a phone number that was verified before the mailbox keeps the binding', () => {
    test('also when the key of a lost device is revoked before', async () => {
      const { server, creator, verifyPhone, verificationPath } = await open()
      await signUp(creator)
      await verifyPhone()
      const phone = await newPerson(server)
      await signIn(phone)
      const revoke = post({ thumbprint: creator.device.thumbprint })
      expect((await phone.browser.send('/latchkey/keys/revoke', revoke)).status).toBe(200)
      expect((await phone.browser.send(await verificationPath())).status).toBe(200)
      expect(await phone.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
    })

    test('also when a page of the app verifies the address on the server', async () => {
      const { server, mails, creator, verifyPhone } = await open()
      await signUp(creator)
      await verifyPhone()
      await creator.browser.send('/send-verification-email', post({ email: ada.email }))
      await apiOf(server).verifyEmail({ query: { token: mails.last().token } })
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
    })
  })

  test('a phone number that was verified before the mailbox lets the creator link a second device', async () => {
    const { server, creator, verifyPhone, verificationPath } = await open()
    await signUp(creator)
    await verifyPhone()
    expect((await server.browser().send(await verificationPath())).status).toBe(200)
    const second = await newPerson(server)
    await signIn(second)
    expect((await link(second, second.device)).status).toBe(200)
  })

  test('a second reset leaves the principal of the first, which has no key, with the account', async () => {
    const { server, mails, creator, resetPassword } = await open()
    await signUp(creator)
    expect((await (await resetPassword('another password'))()).status).toBe(200)
    const second = await newPerson(server)
    const { principal } = (await signIn(second, 'another password'))!
    const newEmail = 'ada@elsewhere.example'
    // Better Auth's tokens count in seconds.
    await server.change('user', { principalMailboxAt: new Date(Date.now() - 2000) })
    await server.change('latchkeyAudit', { createdAt: new Date(Date.now() - 2000) })
    await second.browser.send('/change-email', post({ newEmail }))
    expect((await second.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const third = await newPerson(server)
    await third.browser.send('/sign-in/magic-link', post({ email: newEmail }))
    expect((await third.browser.send(pathOf(mails.last().url))).status).toBe(200)
    expect(await third.session()).toMatchObject({ aliases: [principal], recoverable: true })
  })

  describe('a contested binding stays as it is', () => {
    test('when a television is approved in the session of the sign-up', async () => {
      const opened = await open()
      const { server, creator } = opened
      await contest(opened)
      const television = server.browser()
      const asked = await television.send('/device/code', post({ client_id: 'tv' }))
      const codes = (await asked.json()) as { readonly device_code: string; readonly user_code: string }
      await creator.browser.send(`/device?user_code=${codes.user_code}`)
      const approved = await creator.browser.send('/device/approve', post({ userCode: codes.user_code }))
      expect(approved.status).toBe(200)
      const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tv' }
      const given = await television.send('/device/token', post({ ...grant, device_code: codes.device_code }))
      const { access_token } = (await given.json()) as { readonly access_token: string }
      const shown = await television.send('/latchkey/session', { headers: { authorization: `Bearer ${access_token}` } })
      expect(await shown.json()).toMatchObject({ session: { principal: creator.device.principal } })
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal })
    })

    const acts: Record<string, (creator: Person) => Promise<Response>> = {
      'after a change of the password': ({ browser }) =>
        browser.send(
          '/change-password',
          post({ currentPassword: ada.password, newPassword: 'another password', revokeOtherSessions: true }),
        ),
      'after a second factor was switched on': ({ browser }) =>
        browser.send('/two-factor/enable', post({ password: ada.password })),
      'after a second factor was switched off': async ({ browser }) => {
        await browser.send('/two-factor/enable', post({ password: ada.password }))
        return browser.send('/two-factor/disable', post({ password: ada.password }))
      },
    }
    for (const [when, act] of Object.entries(acts)) {
      test(when, async () => {
        const opened = await open()
        await contest(opened)
        expect((await act(opened.creator)).status).toBe(200)
        expect(await opened.creator.session()).toMatchObject({ principal: opened.creator.device.principal })
      })
    }

    test('after a sign-in with the number and the password', async () => {
      const opened = await open()
      await contest(opened)
      await opened.server.change('user', { phoneNumber: PHONE, phoneNumberVerified: true })
      const second = await newPerson(opened.server)
      const body = { phoneNumber: PHONE, password: ada.password }
      expect((await second.browser.send('/sign-in/phone-number', post(body))).status).toBe(200)
      expect(await second.session()).toMatchObject({ principal: opened.creator.device.principal })
    })

    test('when an admin reads it while impersonating the user', async () => {
      const opened = await open()
      const { server, creator } = opened
      const root = await newPerson(server)
      const support = person('root')
      await root.prove('/sign-up/email', support)
      await server.change('user', { role: 'admin' })
      await signIn(root, support.password, support.email)
      await contest(opened)
      const { id } = await userOf(server, ada.email)
      expect((await root.browser.send('/admin/impersonate-user', post({ userId: id }))).status).toBe(200)
      for (const path of ['/latchkey/session', '/latchkey/session?peek=1', '/latchkey/keys', '/token'])
        await root.browser.send(path)
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal })
    })
  })

  describe('after a change of address', () => {
    const moved = async () => {
      const opened = await open()
      const { mails, creator } = opened
      await signUp(creator)
      expect((await creator.browser.send(await opened.verificationPath())).status).toBe(200)
      const newEmail = 'ada@elsewhere.example'
      expect((await creator.browser.send('/change-email', post({ newEmail }))).status).toBe(200)
      expect((await creator.browser.send(pathOf(mails.last().url))).status).toBe(200)
      return { ...opened, newEmail }
    }

    test('a second device that signs in with the password can be linked', async () => {
      const { server, newEmail } = await moved()
      const second = await newPerson(server)
      await signIn(second, ada.password, newEmail)
      expect((await link(second, second.device)).status).toBe(200)
    })

    test('a second device that signs in by mail can be linked once the first one has signed in by mail as well', async () => {
      const { server, mails, creator, newEmail } = await moved()
      const byMail = async (who: Person) => {
        await who.browser.send('/sign-in/magic-link', post({ email: newEmail }))
        const headers = await proofOf(who.device, { [EXPECT_HEADER]: newEmail })
        expect((await who.browser.send(pathOf(mails.last().url), { headers })).status).toBe(200)
      }
      const second = await newPerson(server)
      await byMail(second)
      const refused = await link(second, second.device)
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      await byMail(creator)
      expect((await link(second, second.device)).status).toBe(200)
    })

    test('a key that was revoked no longer stands in the way', async () => {
      const { server, creator, resetPassword, newEmail } = await moved()
      await server.change('user', { principalMailboxAt: new Date(Date.now() - 20_000) })
      expect((await (await resetPassword('another password', newEmail))()).status).toBe(200)
      const second = await newPerson(server)
      await signIn(second, 'another password', newEmail)
      await second.browser.send('/revoke-other-sessions', post({}))
      expect(await (await link(second, second.device)).json()).toMatchObject({ remaining: ['device'] })
      const revoke = post({ thumbprint: creator.device.thumbprint })
      expect((await second.browser.send('/latchkey/keys/revoke', revoke)).status).toBe(200)
      expect((await link(second, second.device)).status).toBe(200)
    })
  })

  describe('a mistyped address, where sign-ups have to be verified', () => {
    test('keeps no principal: the device signs up again with the right one', async () => {
      const { server, mails, creator } = await open(true)
      expect((await creator.prove('/sign-up/email', person('typo'))).status).toBe(200)
      const stranger = pathOf(mails.last().url)
      expect((await creator.prove('/sign-up/email', ada)).status).toBe(200)
      expect((await creator.follow(AUDIENCE + pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })).status).toBe(
        200,
      )
      expect((await creator.prove('/sign-in/email', ada)).status).toBe(200)
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
      // Whose mailbox it is gets an account of its own.
      expect((await server.browser().send(stranger)).status).toBe(200)
      expect(await userOf(server, 'typo@example.com')).toMatchObject({ principal: null })
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal })
    })

    test('keeps no principal: the device adopts it into an account that exists', async () => {
      const { server, creator } = await open(true)
      const first = await newPerson(server)
      expect((await first.prove('/sign-up/email', ada)).status).toBe(200)
      await server.change('user', { emailVerified: true })
      await signIn(first)
      expect((await creator.prove('/sign-up/email', person('typo'))).status).toBe(200)
      await signIn(creator)
      expect((await link(creator, creator.device)).status).toBe(200)
      expect(await creator.session()).toMatchObject({ aliases: [creator.device.principal] })
    })

    test('keeps the principal once the account was used', async () => {
      const { server, mails, creator } = await open(true)
      expect((await creator.prove('/sign-up/email', ada)).status).toBe(200)
      expect((await creator.follow(AUDIENCE + pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })).status).toBe(
        200,
      )
      const again = await creator.prove('/sign-up/email', person('typo'))
      expect([again.status, await codeOf(again)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      expect((await creator.prove('/sign-in/email', ada)).status).toBe(200)
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal })
      const { principalOpen } = await userOf(server)
      expect(Boolean(principalOpen)).toBe(false)
    })
  })

  test('the device of a sign-up that has to be verified links its principal, after the mail signed its user in elsewhere', async () => {
    const { server, mails, creator } = await open(true, true)
    expect((await creator.prove('/sign-up/email', ada)).status).toBe(200)
    const phone = await newPerson(server)
    expect((await phone.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const { principal } = (await phone.session())!
    expect((await creator.prove('/sign-in/email', ada)).status).toBe(200)
    expect((await link(creator, creator.device)).status).toBe(200)
    expect(await creator.session()).toMatchObject({ principal, aliases: [creator.device.principal] })
    // Another device is still another matter.
    const other = await newPerson(server)
    await other.prove('/sign-in/email', ada)
    expect((await link(other, other.device)).status).toBe(409)
  })

  test.each(['client_id', 'user_id', 'scope'])(
    'a stranger who asks for a code of a device with the id of an account as %s does not keep it from binding',
    async (name) => {
      const { server, mails } = await open()
      await server.browser().send('/sign-up/email', post(ada))
      const { id } = await userOf(server)
      const stranger = await newPerson(server)
      await stranger.prove('/sign-up/email', person('eve'))
      const asked = await stranger.browser.send('/device/code', post({ client_id: 'tv', [name]: id }))
      const { user_code: userCode } = (await asked.json()) as { readonly user_code: string }
      await stranger.browser.send(`/device?user_code=${userCode}`)
      const approved = await stranger.browser.send('/device/approve', post({ userCode }))
      expect(approved.status).toBe(name === 'user_id' ? 403 : 200)
      const own = await newPerson(server)
      await own.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      const followed = await own.follow(pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })
      expect(followed.status).toBe(200)
      expect(await own.session()).toMatchObject({ principal: own.device.principal })
    },
  )

  test('nor does one who registers a client of OAuth with the id of an account as its software', async () => {
    const mails = mailing()
    const provider = oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
    })
    const server = await newServer({ plugins: [magicLink({ sendMagicLink: mails.send }), provider] })
    await server.browser().send('/sign-up/email', post(ada))
    const { id } = await userOf(server)
    const metadata = { redirect_uris: ['https://stranger.example/callback'], token_endpoint_auth_method: 'none' }
    const registered = await server.browser().send('/oauth2/register', post({ ...metadata, software_id: id }))
    expect(registered.status).toBe(201)
    expect(JSON.stringify(await server.rows('oauthClient'))).toContain(String(id))
    const own = await newPerson(server)
    await own.browser.send('/sign-in/magic-link', post({ email: ada.email }))
    await own.follow(pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })
    expect(await own.session()).toMatchObject({ principal: own.device.principal })
  })

  describe('nor does a stranger', () => {
    /** An unused account, and a stranger with an account of their own. */
    const withStranger = async (...plugins: BetterAuthPlugin[]) => {
      const mails = mailing()
      const server = await newServer({ plugins: [magicLink({ sendMagicLink: mails.send }), ...plugins] })
      await server.browser().send('/sign-up/email', post(ada))
      const { id } = await userOf(server)
      const stranger = await newPerson(server)
      await stranger.prove('/sign-up/email', person('eve'))
      const expectBinding = async () => {
        const own = await newPerson(server)
        await own.browser.send('/sign-in/magic-link', post({ email: ada.email }))
        await own.follow(pathOf(mails.last().url), { [EXPECT_HEADER]: ada.email })
        expect(await own.session()).toMatchObject({ principal: own.device.principal })
      }
      return { server, id: String(id), stranger, expectBinding }
    }

    test('who creates an API key with the id of the account as its prefix', async () => {
      const { server, id, stranger, expectBinding } = await withStranger(apiKey())
      expect((await stranger.browser.send('/api-key/create', post({ prefix: id }))).status).toBe(200)
      expect(await server.rows('apikey')).toMatchObject([{ prefix: id }])
      await expectBinding()
    })

    test('who registers a passkey that names the id of the account as its transport', async () => {
      const plugin = passkey({ rpID: 'notes.example', rpName: 'Notes', origin: ORIGIN })
      const { server, id, stranger, expectBinding } = await withStranger(plugin)
      const asked = await stranger.browser.send('/passkey/generate-register-options')
      const made = softPasskey(ORIGIN).register((await asked.json()) as { challenge: string }) as { response: object }
      const response = { ...made, response: { ...made.response, transports: [id] } }
      expect((await stranger.browser.send('/passkey/verify-registration', post({ response }))).status).toBe(200)
      expect(await server.rows('passkey')).toMatchObject([{ transports: id }])
      await expectBinding()
    })

    test('who names a role of an organization after the account, and gives it to others', async () => {
      const plugin = organization({
        ac: defaultAc as unknown as AccessControl,
        dynamicAccessControl: { enabled: true },
      })
      const { server, id, stranger, expectBinding } = await withStranger(plugin)
      const send = (path: string, body: object) => stranger.browser.send(`/organization/${path}`, post(body))
      expect((await send('create', { name: 'Notes', slug: 'notes' })).status).toBe(200)
      const permission = { organization: ['update'] }
      expect((await send('create-role', { role: id, permission })).status).toBe(200)
      const role = id.toLowerCase()
      expect((await send('invite-member', { email: 'ben@example.com', role })).status).toBe(200)
      expect(await server.rows('organizationRole')).toMatchObject([{ role }])
      expect(await server.rows('invitation')).toMatchObject([{ role }])
      await expectBinding()
    })

    test.each(['oauthConsent', 'oauthAccessToken', 'oauthRefreshToken'])(
      'whose apps fill the table %s',
      async (model) => {
        const plugin = oauthProvider({ loginPage: '/login', consentPage: '/consent' })
        const { server, stranger, expectBinding } = await withStranger(plugin)
        const userId = (await stranger.session())!.accountId
        await server.adapter.create({ model: 'oauthClient', data: { clientId: 'app', redirectUris: [] } })
        const [createdAt, expiresAt] = [new Date(), new Date(Date.now() + 600_000)]
        for (let row = 0; row < MAX_ROWS_READ; row++) {
          const token = model === 'oauthConsent' ? { updatedAt: createdAt } : { token: `token ${row}`, expiresAt }
          await server.adapter.create({
            model,
            data: { clientId: 'app', userId, scopes: ['openid'], createdAt, ...token },
          })
        }
        await expectBinding()
      },
    )
  })

  test('nor does one whose link brings the code to a browser of its user', async () => {
    const { server, creator, resetPassword } = await open()
    await creator.browser.send('/sign-up/email', post(ada))
    await creator.session()
    const asked = await server.browser().send('/device/code', post({ client_id: 'tv' }))
    const { user_code } = (await asked.json()) as { readonly user_code: string }
    expect((await creator.browser.send(`/device?user_code=${user_code}`)).status).toBe(200)
    expect((await (await resetPassword('another password'))()).status).toBe(200)
    await expectOwnerLinks(server)
  })

  test('a code that was approved before does not keep the account from linking, and gives no session', async () => {
    const { server, creator, resetPassword } = await open()
    await creator.browser.send('/sign-up/email', post(ada))
    await creator.session()
    const asked = await server.browser().send('/device/code', post({ client_id: 'tv' }))
    const codes = (await asked.json()) as Record<'user_code' | 'device_code', string>
    const { user_code: userCode, device_code: deviceCode } = codes
    expect((await creator.browser.send(`/device?user_code=${userCode}`)).status).toBe(200)
    expect((await creator.browser.send('/device/approve', post({ userCode }))).status).toBe(200)
    expect((await (await resetPassword('another password'))()).status).toBe(200)
    await expectOwnerLinks(server)
    const use = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tv', device_code: deviceCode }
    expect((await server.browser().send('/device/token', post(use))).status).toBe(400)
  })

  test('a token of an app that the creator let in keeps the account from linking only until it expires', async () => {
    const mails = mailing()
    const provider = oauthProvider({ loginPage: '/login', consentPage: '/consent' })
    const server = await newServer({ plugins: [magicLink({ sendMagicLink: mails.send }), provider] })
    await server.browser().send('/sign-up/email', post(ada))
    const { id: userId } = await userOf(server)
    await server.adapter.create({ model: 'oauthClient', data: { clientId: 'app', redirectUris: [] } })
    const times = { createdAt: new Date(), expiresAt: new Date(Date.now() + 600_000) }
    const token = { clientId: 'app', userId, scopes: ['openid'], token: 'a token', ...times }
    await server.adapter.create({ model: 'oauthRefreshToken', data: token })
    const own = await newPerson(server)
    await own.browser.send('/sign-in/magic-link', post({ email: ada.email }))
    await own.browser.send(pathOf(mails.last().url))
    await own.session()
    expect(await (await link(own, own.device)).json()).toMatchObject({ remaining: ['oauthRefreshToken'] })
    await server.change('oauthRefreshToken', { expiresAt: new Date(Date.now() - 1000) })
    expect((await link(own, own.device)).status).toBe(200)
  })

  test('a stranger who names an organization after the id of an account does not keep it from linking', async () => {
    const { server, mails, creator } = await open()
    await creator.browser.send('/sign-up/email', post(ada))
    await creator.session()
    const { id } = await userOf(server)
    const stranger = await newPerson(server)
    await stranger.prove('/sign-up/email', person('eve'))
    const body = { name: `hello ${String(id)}`, slug: String(id), metadata: { id } }
    expect((await stranger.browser.send('/organization/create', post(body))).status).toBe(200)
    await server.browser().send('/request-password-reset', post({ email: ada.email, redirectTo: '/' }))
    const reset = post({ newPassword: 'another password', token: mails.last().token })
    expect((await server.browser().send('/reset-password', reset)).status).toBe(200)
    await expectOwnerLinks(server)
  })
})
