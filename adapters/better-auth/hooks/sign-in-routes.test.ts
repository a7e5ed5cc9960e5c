import { createHmac } from 'node:crypto'
import { passkey } from '@better-auth/passkey'
import type { BetterAuthOptions, BetterAuthPlugin, GenericEndpointContext } from 'better-auth'
import { createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import { emailOTP, magicLink, oneTap, phoneNumber, siwe, twoFactor, username } from 'better-auth/plugins'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { EXPECT_HEADER, latchkey } from '../index.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import { type Person, codeOf, mailing, newPerson, pathOf, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')

async function expectBound(server: TestServer, { device, session }: Person): Promise<void> {
  const user = await userOf(server)
  expect(await session()).toMatchObject({ accountId: user['id'], principal: device.principal })
  expect(await server.rows('latchkeyPrincipal')).toContainEqual(
    expect.objectContaining({
      principal: device.principal,
      thumbprint: device.thumbprint,
      kind: 'canonical',
      userId: user['id'],
    }),
  )
  expect(await server.rows('latchkeyKey')).toMatchObject([
    { principal: device.principal, thumbprint: device.thumbprint, retiredAt: null },
  ])
  expect(await server.rows('latchkeyAudit')).toMatchObject([{ principal: device.principal, userId: user['id'] }])
}

onEachEngine((newServer) => {
  describe('e-mail and password (checklist 26: password)', () => {
    test('binds at the sign-up', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
      await expectBound(server, one)
    })
  })

  describe('e-mail and password with required verification', () => {
    const verified = (more: object = {}) => {
      const mail = mailing()
      const extra = {
        emailAndPassword: { enabled: true, requireEmailVerification: true },
        emailVerification: {
          sendVerificationEmail: mail.send,
          sendOnSignUp: true,
          autoSignInAfterVerification: true,
          ...more,
        },
      }
      return { mail, extra: extra as Partial<BetterAuthOptions> }
    }

    test('binds the user at the sign-up, and keeps it where the device verifies the address', async () => {
      const { mail, extra } = verified()
      const server = await newServer(extra)
      const one = await newPerson(server)
      expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await one.session()).toBeNull()
      const { token } = mail.last()
      expect((await one.follow(`/verify-email?token=${token}`, { [EXPECT_HEADER]: ada.email })).status).toBe(200)
      await expectBound(server, one)
      expect(await one.session()).toMatchObject({ recoverable: true })
    })

    test('an address that already has an account gets the same answer, and binds nothing', async () => {
      const { extra } = verified()
      const server = await newServer(extra)
      const [one, two] = [await newPerson(server), await newPerson(server)]
      await one.prove('/sign-up/email', ada)
      expect((await two.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: one.device.principal })
      expect(await server.rows('latchkeyPrincipal')).toHaveLength(1)
    })

    test('a principal that is taken creates no user', async () => {
      const { extra } = verified()
      const server = await newServer(extra)
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await server.change('user', { emailVerified: true })
      const second = await (await newPerson(server, one.device)).prove('/sign-up/email', person('eve'))
      expect([second.status, await codeOf(second)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      expect(await server.rows('user')).toHaveLength(1)
    })
  })

  test('username: a sign-in to an open account binds it', async () => {
    const server = await newServer({ plugins: [username()] })
    const one = await newPerson(server)
    await server.browser().send('/sign-up/email', post({ ...ada, username: 'ada' }))
    expect((await one.prove('/sign-in/username', { username: 'ada', password: ada.password })).status).toBe(200)
    await expectBound(server, one)
  })

  test('username: a sign-up binds (checklist 26: username)', async () => {
    const server = await newServer({ plugins: [username()] })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', { ...ada, username: 'ada' })
    await expectBound(server, one)
  })

  describe('magic link', () => {
    const setUp = async () => {
      const mail = mailing()
      const server = await newServer({ plugins: [magicLink({ sendMagicLink: mail.send })] })
      const one = await newPerson(server)
      await one.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      return { server, one, mail }
    }

    test('fetched by the device that expects it, binds the new account (checklist 26: magic link)', async () => {
      const { server, one, mail } = await setUp()
      expect((await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'Ada@example.com' })).status).toBe(200)
      await expectBound(server, one)
      expect(await one.session()).toMatchObject({ recoverable: true })
    })

    test('fetched by a device that does not say whom it expects, binds nothing', async () => {
      const { server, one, mail } = await setUp()
      await one.follow(pathOf(mail.last().url))
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test('opened in another browser, binds nothing', async () => {
      const { server, mail } = await setUp()
      await server.browser().send(pathOf(mail.last().url))
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })

    test("for another person's address, leaves neither user nor session", async () => {
      const { server, one, mail } = await setUp()
      const refused = await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'victim@example.com' })
      expect(await server.rows('user')).toEqual([])
      expect(await server.rows('session')).toEqual([])
      expect(refused.headers.get('location') ?? (await codeOf(refused))).toContain('PROOF_IDENTIFIER_MISMATCH')
    })

    /** Eve has the account, and asked for another link into it. */
    const takenByEve = async () => {
      const { server, one, mail } = await setUp()
      const eve = await newPerson(server)
      await eve.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: ada.email })
      await eve.browser.send('/sign-out', post({}))
      await eve.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      return { server, one, eve, mail }
    }

    test("into the attacker's own account, ends the session that it made", async () => {
      const { server, one, eve, mail } = await takenByEve()
      const refused = await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'victim@example.com' })
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PROOF_IDENTIFIER_MISMATCH'])
      expect(await server.rows('session')).toEqual([])
      expect((await one.browser.client.getSession()).data).toBeNull()
      expect(await userOf(server)).toMatchObject({ principal: eve.device.principal })
    })

    test("into the attacker's own account, without a proof, ends the session that it made", async () => {
      const { server, one, mail } = await takenByEve()
      // A browser that has signed out has no key, and still knows what its user typed.
      const headers = { [EXPECT_HEADER]: 'victim@example.com' }
      const refused = await one.browser.send(pathOf(mail.last().url), { headers })
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PROOF_IDENTIFIER_MISMATCH'])
      expect(await server.rows('session')).toEqual([])
      expect((await one.browser.client.getSession()).data).toBeNull()
    })

    test("into the attacker's own account, leaves the session that the browser had", async () => {
      const { one, mail } = await takenByEve()
      await one.prove('/sign-up/email', person('victim'))
      const before = await one.session()
      const refused = await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'victim@example.com' })
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PROOF_IDENTIFIER_MISMATCH'])
      expect(before).toMatchObject({ principal: one.device.principal })
      expect(await one.session()).toEqual(before)
    })

    test('into the account of the session that the browser had, for another address, leaves that session', async () => {
      const { one, mail } = await setUp()
      await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: ada.email })
      const before = await one.session()
      await one.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      const refused = await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'victim@example.com' })
      expect(await codeOf(refused)).toBe('PROOF_IDENTIFIER_MISMATCH')
      expect(before).toMatchObject({ principal: one.device.principal })
      expect(await one.session()).toEqual(before)
    })

    test('with a principal that is taken, goes to the error page without user or session', async () => {
      const { server, one, mail } = await setUp()
      await one.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: ada.email })
      const two = await newPerson(server, one.device)
      await two.browser.send('/sign-in/magic-link', post({ email: 'eve@example.com' }))
      const response = await two.follow(pathOf(mail.last().url), { [EXPECT_HEADER]: 'eve@example.com' })
      expect(response.headers.get('location')).toContain('error=PRINCIPAL_TAKEN')
      expect(await server.rows('user')).toHaveLength(1)
    })
  })

  describe('e-mail code (checklist 26: e-mail OTP)', () => {
    test('binds the account that it creates', async () => {
      const mail = mailing()
      const server = await newServer({ plugins: [emailOTP({ sendVerificationOTP: mail.send })] })
      const one = await newPerson(server)
      await one.browser.send('/email-otp/send-verification-otp', post({ email: ada.email, type: 'sign-in' }))
      expect(
        (
          await one.prove(
            '/sign-in/email-otp',
            { email: ada.email, otp: mail.last().otp },
            { [EXPECT_HEADER]: ada.email },
          )
        ).status,
      ).toBe(200)
      await expectBound(server, one)
    })

    test('a wrong code binds nothing', async () => {
      const mail = mailing()
      const server = await newServer({ plugins: [emailOTP({ sendVerificationOTP: mail.send })] })
      const one = await newPerson(server)
      await one.browser.send('/email-otp/send-verification-otp', post({ email: ada.email, type: 'sign-in' }))
      expect((await one.prove('/sign-in/email-otp', { email: ada.email, otp: 'wrong' })).status).toBe(400)
      expect(await server.rows('user')).toEqual([])
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })
  })

  describe('phone code (checklist 26: phone)', () => {
    const setUp = async () => {
      const mail = mailing()
      const server = await newServer({
        plugins: [
          phoneNumber({
            sendOTP: mail.send,
            signUpOnVerification: { getTempEmail: (number) => `${number}@phone.invalid` },
          }),
        ],
      })
      const one = await newPerson(server)
      await one.browser.send('/phone-number/send-otp', post({ phoneNumber: '+15550100' }))
      return { server, one, code: mail.last().code }
    }

    test('binds the account that it creates, which is recoverable by the number', async () => {
      const { server, one, code } = await setUp()
      expect(
        (await one.prove('/phone-number/verify', { phoneNumber: '+15550100', code }, { [EXPECT_HEADER]: '+15550100' }))
          .status,
      ).toBe(200)
      await expectBound(server, one)
      expect(await one.session()).toMatchObject({ recoverable: true })
    })

    test('for a number that the user did not type, creates nothing', async () => {
      const { server, one, code } = await setUp()
      expect(
        (await one.prove('/phone-number/verify', { phoneNumber: '+15550100', code }, { [EXPECT_HEADER]: '+15550199' }))
          .status,
      ).toBe(409)
      expect(await server.rows('user')).toEqual([])
      expect(await server.rows('session')).toEqual([])
    })
  })

  test('SIWE: binds the account that it creates (checklist 26: SIWE)', async () => {
    const address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
    const server = await newServer({
      plugins: [
        siwe({
          domain: 'notes.example',
          getNonce: async () => 'nonce1234567890ab',
          verifyMessage: async ({ signature }) => signature === 'signed',
        }),
      ],
    })
    const one = await newPerson(server)
    await one.browser.send('/siwe/nonce', post({}))
    const message = `notes.example wants you to sign in with your Ethereum account:\n${address}\n\n\nURI: https://notes.example\nVersion: 1\nChain ID: 1\nNonce: nonce1234567890ab\nIssued At: ${new Date().toISOString()}`
    const response = await one.prove('/siwe/verify', { message, signature: 'signed' })
    expect([response.status, await response.clone().text()]).toEqual([200, expect.any(String)])
    await expectBound(server, one)
    expect(await one.session()).toMatchObject({ recoverable: false })
  })

  describe('passkey (checklist 26: passkey)', () => {
    const setUp = async () => {
      const server = await newServer({ plugins: [passkey() as unknown as BetterAuthPlugin] })
      const first = server.browser()
      await first.send('/sign-up/email', post(ada))
      const key = softPasskey(ORIGIN)
      const asked = (await (await first.send('/passkey/generate-register-options')).json()) as { challenge: string }
      expect((await first.send('/passkey/verify-registration', post({ response: key.register(asked) }))).status).toBe(
        200,
      )
      const one = await newPerson(server)
      const options = (await (await one.browser.send('/passkey/generate-authenticate-options')).json()) as {
        challenge: string
      }
      return { server, one, options, key }
    }

    test('a sign-in to an open account binds it', async () => {
      const { server, one, options, key } = await setUp()
      expect((await one.prove('/passkey/verify-authentication', { response: key.authenticate(options) })).status).toBe(
        200,
      )
      await expectBound(server, one)
      // A passkey alone does not make it so: its mailbox is unproven.
      expect(await one.session()).toMatchObject({ recoverable: false })
    })

    test('a sign-up with one binds, by a session of a credential', async () => {
      const registration = {
        requireSession: false,
        resolveUser: async () => ({ id: 'not created yet', name: ada.name }),
        async afterVerification({ ctx }: { readonly ctx: GenericEndpointContext }) {
          const { email, name } = ada
          const user = await ctx.context.internalAdapter.createUser({ email, name }, { method: 'passkey' })
          return { userId: user.id }
        },
      }
      const server = await newServer({ plugins: [passkey({ registration } as never) as unknown as BetterAuthPlugin] })
      const one = await newPerson(server)
      const asked = (await (await one.browser.send('/passkey/generate-register-options')).json()) as {
        challenge: string
      }
      const body = { response: softPasskey(ORIGIN).register(asked), createSession: true }
      expect((await one.prove('/passkey/verify-registration', body)).status).toBe(200)
      await expectBound(server, one)
      expect(await server.rows('session')).toMatchObject([{ principalVia: `credential:${one.device.principal}` }])
    })

    test('registering one binds nothing', async () => {
      const { server, one } = await setUp()
      await one.browser.send('/sign-in/email', post(ada))
      const asked = (await (await one.browser.send('/passkey/generate-register-options')).json()) as {
        challenge: string
      }
      expect(
        (await one.prove('/passkey/verify-registration', { response: softPasskey(ORIGIN).register(asked) })).status,
      ).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test('of another person gives no session', async () => {
      const { server, one, options } = await setUp()
      expect(
        (await one.prove('/passkey/verify-authentication', { response: softPasskey(ORIGIN).authenticate(options) }))
          .status,
      ).toBe(401)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })
  })

  describe('one-tap', () => {
    afterEach(() => vi.unstubAllGlobals())

    /** A token signed here; only the address of Google's keys is answered here too. */
    const googleToken = async (claims: object) => {
      const { privateKey, publicKey } = await generateKeyPair('RS256')
      const jwk = { ...(await exportJWK(publicKey)), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' }
      const network = globalThis.fetch
      vi.stubGlobal('fetch', (input: string | URL | Request, init?: RequestInit) => {
        const address = input instanceof Request ? input.url : String(input)
        return address.startsWith('https://www.googleapis.com/oauth2/')
          ? Promise.resolve(Response.json({ keys: [jwk] }))
          : network(input, init)
      })
      return new SignJWT({ email: ada.email, email_verified: true, name: 'Ada', ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: jwk.kid })
        .setIssuer('https://accounts.google.com')
        .setAudience('notes')
        .setSubject('ada-at-google')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
    }

    test('binds the account that it creates', async () => {
      const server = await newServer({ plugins: [oneTap({ clientId: 'notes' })] })
      const one = await newPerson(server)
      expect((await one.prove('/one-tap/callback', { idToken: await googleToken({}) })).status).toBe(200)
      await expectBound(server, one)
      expect(await one.session()).toMatchObject({ recoverable: true })
    })

    test('with a token for another app creates nothing', async () => {
      const server = await newServer({ plugins: [oneTap({ clientId: 'another' })] })
      const one = await newPerson(server)
      expect((await one.prove('/one-tap/callback', { idToken: await googleToken({}) })).status).toBe(400)
      expect(await server.rows('user')).toEqual([])
    })
  })

  describe('second factor', () => {
    const setUp = async (order: 'before' | 'after') => {
      const server = await newServer({
        plugins: order === 'before' ? [twoFactor(), latchkey()] : [latchkey(), twoFactor()],
      })
      const first = server.browser()
      await first.client.signUp.email(ada)
      const { totpURI } = (await (await first.send('/two-factor/enable', post({ password: ada.password }))).json()) as {
        totpURI: string
      }
      const code = () => totp(new URL(totpURI).searchParams.get('secret')!)
      await first.send('/two-factor/verify-totp', post({ code: code() }))
      return { server, one: await newPerson(server), code }
    }

    for (const order of ['before', 'after'] as const) {
      test(`binds an open account only with it, with the plugin ${order} latchkey`, async () => {
        const { server, one, code } = await setUp(order)
        const half = await one.prove('/sign-in/email', ada)
        expect(await half.json()).toMatchObject({ twoFactorRedirect: true })
        expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
        expect(await server.rows('latchkeyPrincipal')).toEqual([])
        expect((await one.prove('/two-factor/verify-totp', { code: code() })).status).toBe(200)
        await expectBound(server, one)
      })
    }

    test('that is wrong binds nothing', async () => {
      const { server, one } = await setUp('after')
      await one.prove('/sign-in/email', ada)
      expect((await one.prove('/two-factor/verify-totp', { code: '000000' })).status).toBe(401)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })
  })

  describe('an open account is not bound by a request that is not a sign-in', () => {
    test('a new password', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.client.signUp.email(ada)
      expect(
        (
          await one.prove('/change-password', {
            currentPassword: ada.password,
            newPassword: 'another password',
            revokeOtherSessions: true,
          })
        ).status,
      ).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test('a new name', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.client.signUp.email(ada)
      await one.prove('/update-user', { name: 'Ada L.' })
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })
  })

  test('a sign-in binds, even if a hook of the app has read the session that the browser had', async () => {
    const readsSession = createAuthMiddleware(async (ctx) => void (await getSessionFromCtx(ctx)))
    const server = await newServer({ hooks: { before: readsSession } })
    const one = await newPerson(server)
    await one.browser.client.signUp.email(ada)
    expect((await one.prove('/sign-in/email', ada)).status).toBe(200)
    await expectBound(server, one)
  })

  test('a session that ends with the browser still does after its account was bound', async () => {
    const server = await newServer({ session: { cookieCache: { enabled: true } } })
    await server.browser().client.signUp.email(ada)
    const one = await newPerson(server)
    const response = await one.browser.send(
      '/sign-in/email',
      post({ ...ada, rememberMe: false }, await proofOf(one.device)),
    )
    const cookies = response.headers.getSetCookie().filter((cookie) => /session_(token|data)=[^;]/.test(cookie))
    expect(cookies.length).toBeGreaterThan(1)
    for (const cookie of cookies) expect(cookie).not.toMatch(/max-age/i)
  })

  test('the cached session shows the account as it is after the binding', async () => {
    const server = await newServer({ session: { cookieCache: { enabled: true } } })
    await server.browser().client.signUp.email(ada)
    const one = await newPerson(server)
    await one.prove('/sign-in/email', ada)
    const { data } = await one.browser.client.getSession()
    expect((data!.user as { principal?: string }).principal).toBe(one.device.principal)
  })
})

/** RFC 6238 with SHA-1, 6 digits and 30 seconds. */
function totp(secret: string): string {
  const bits = [...secret]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const digest = createHmac('sha1', key).update(counter).digest()
  const number = digest.readUInt32BE(digest.at(-1)! & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
