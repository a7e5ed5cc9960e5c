import type { BetterAuthOptions } from 'better-auth'
import { admin, emailOTP, magicLink } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { EXPECT_HEADER, createBetterAuthResolver } from '../index.ts'
import { type Person, codeOf, newPerson, pathOf, post, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const victim = person('victim')

interface Mail {
  readonly url: string
  readonly token: string
  readonly otp: string
}

/** A server on which every route that proves a mailbox is open. */
function openRoutes(more: Partial<BetterAuthOptions> = {}) {
  const sent: Mail[] = []
  const send = async (message: object) => void sent.push(message as Mail)
  const extra = {
    emailAndPassword: { enabled: true, sendResetPassword: send },
    emailVerification: { sendVerificationEmail: send, sendOnSignUp: true, autoSignInAfterVerification: true },
    ...more,
    plugins: [
      magicLink({ sendMagicLink: send }),
      emailOTP({ sendVerificationOTP: send }),
      admin(),
      ...(more.plugins ?? []),
    ],
  } as Partial<BetterAuthOptions>
  return { extra, last: () => sent.at(-1)! }
}

/** Proves a mailbox, in one request that may carry headers. */
type Route = (browser: Person['browser'], last: () => Mail, headers?: Record<string, string>) => Promise<Response>

const ROUTES: Record<string, Route> = {
  '/magic-link/verify': async (browser, last, headers = {}) => {
    await browser.send('/sign-in/magic-link', post({ email: victim.email }))
    return browser.send(pathOf(last().url), { headers })
  },
  '/verify-email': async (browser, last, headers = {}) => {
    await browser.send('/send-verification-email', post({ email: victim.email }))
    return browser.send(`/verify-email?token=${last().token}`, { headers })
  },
  '/sign-in/email-otp': async (browser, last, headers) => {
    await browser.send('/email-otp/send-verification-otp', post({ email: victim.email, type: 'sign-in' }))
    return browser.send('/sign-in/email-otp', post({ email: victim.email, otp: last().otp }, headers))
  },
  '/email-otp/verify-email': async (browser, last, headers) => {
    await browser.send('/email-otp/send-verification-otp', post({ email: victim.email, type: 'email-verification' }))
    return browser.send('/email-otp/verify-email', post({ email: victim.email, otp: last().otp }, headers))
  },
  '/email-otp/reset-password': async (browser, last, headers) => {
    await browser.send('/email-otp/request-password-reset', post({ email: victim.email }))
    return browser.send(
      '/email-otp/reset-password',
      post({ email: victim.email, otp: last().otp, password: 'a new password' }, headers),
    )
  },
  '/reset-password': async (browser, last, headers) => {
    await browser.send('/request-password-reset', post({ email: victim.email, redirectTo: '/' }))
    return browser.send('/reset-password', post({ newPassword: 'a new password', token: last().token }, headers))
  },
}

async function upgradeProof(device: TestDevice): Promise<Record<string, string>> {
  return {
    'x-latchkey-proof': await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }),
    [EXPECT_HEADER]: victim.email,
  }
}

async function verdictOn(server: TestServer, device: TestDevice): Promise<string> {
  const headers = { authorization: `Bearer ${await device.token({ audience: ORIGIN })}` }
  const answer = await createBetterAuthResolver(server.auth).resolve(new Request(ORIGIN, { headers }))
  return answer.ok ? answer.session.authMode : answer.error
}

onEachEngine((newServer) => {
  for (const [path, prove] of Object.entries(ROUTES)) {
    describe(`the first proof of a mailbox by ${path}`, () => {
      const hijacked = async (more: Partial<BetterAuthOptions> = {}) => {
        const { extra, last } = openRoutes(more)
        const server = await newServer(extra)
        const eve = await newPerson(server)
        await eve.prove('/sign-up/email', victim)
        expect(await eve.session()).toMatchObject({ principal: eve.device.principal, recoverable: false })
        return { server, eve, last }
      }

      test('takes the account from the principal of its creator, and returns that principal to its key', async () => {
        const { server, eve, last } = await hijacked()
        const { principal: planted, principalEpoch } = await userOf(server)
        const victims = server.browser()
        expect((await prove(victims, last)).status).toBe(200)
        // A plain verification alone may be the creator's own mail program; what its session asks next decides.
        await victims.send('/latchkey/session')
        const user = await userOf(server)
        expect(user['principal']).not.toBe(planted)
        expect(user['principalEpoch']).not.toBe(principalEpoch)
        const rows = await server.rows('latchkeyPrincipal')
        expect(rows).toContainEqual(
          expect.objectContaining({ principal: eve.device.principal, kind: 'reserved', userId: null }),
        )
        expect(rows).toContainEqual(
          expect.objectContaining({
            principal: user['principal'],
            kind: 'canonical',
            userId: user['id'],
            thumbprint: null,
          }),
        )
        expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':')[0]).sort()).toEqual([
          'bind',
          'reset',
        ])
        // Not retired: its key may have it in an account of its own.
        expect(await verdictOn(server, eve.device)).toBe('local-first')
        const own = await newPerson(server, eve.device)
        expect((await own.prove('/sign-up/email', person('eve'))).status).toBe(200)
        expect(await own.session()).toMatchObject({ principal: eve.device.principal })
      })

      test('leaves it to a device that signs the same request', async () => {
        const { server, eve: ada, last } = await hijacked()
        const { principal, principalEpoch } = await userOf(server)
        expect((await prove(ada.browser, last, await upgradeProof(ada.device))).status).toBe(200)
        expect(await userOf(server)).toMatchObject({ principal, principalEpoch })
        expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':')[0])).toEqual(['bind'])
      })

      test('signed by another device, still takes it, and does not bind that device', async () => {
        const { server, eve, last } = await hijacked()
        const other = await testDevice()
        expect((await prove(server.browser(), last, await upgradeProof(other))).status).toBe(200)
        const { principal } = await userOf(server)
        expect(principal).toEqual(expect.any(String))
        expect([eve.device.principal, other.principal]).not.toContain(principal)
        expect((await server.rows('latchkeyPrincipal')).map((row) => row['principal'])).not.toContain(other.principal)
      })

      test("is the only one that can: a second laptop's link changes nothing", async () => {
        const { server, eve: ada, last } = await hijacked()
        await prove(ada.browser, last, await upgradeProof(ada.device))
        const before = await userOf(server)
        for (const again of [ROUTES['/magic-link/verify']!, ROUTES['/reset-password']!, ROUTES['/sign-in/email-otp']!])
          await again(server.browser(), last)
        expect(await userOf(server)).toMatchObject({
          principal: before['principal'],
          principalEpoch: before['principalEpoch'],
        })
      })

      test('is final: the principal that it gave stays', async () => {
        const { server, last } = await hijacked()
        const victims = server.browser()
        await prove(victims, last)
        await victims.send('/latchkey/session')
        const before = await userOf(server)
        for (const again of Object.values(ROUTES)) await again(server.browser(), last)
        expect(await userOf(server)).toMatchObject({
          principal: before['principal'],
          principalEpoch: before['principalEpoch'],
        })
      })
    })
  }

  test('a binding to an address that was verified already is never reset', async () => {
    const { extra, last } = openRoutes()
    const server = await newServer(extra)
    const ada = await newPerson(server)
    await ROUTES['/magic-link/verify']!(ada.browser, last, await upgradeProof(ada.device))
    expect(await ada.session()).toMatchObject({ principal: ada.device.principal, recoverable: true })
    for (const prove of Object.values(ROUTES)) await prove(server.browser(), last)
    expect(await userOf(server)).toMatchObject({ principal: ada.device.principal })
  })

  test('an admin who marks an address as verified vouches for it, and resets nothing', async () => {
    const { extra } = openRoutes()
    const server = await newServer(extra)
    const [ada, boss] = [await newPerson(server), await newPerson(server)]
    await ada.prove('/sign-up/email', victim)
    await boss.browser.send('/sign-up/email', post(person('boss')))
    await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
    const { id } = await userOf(server, victim.email)
    expect(
      (await boss.browser.send('/admin/update-user', post({ userId: id, data: { emailVerified: true } }))).status,
    ).toBe(200)
    expect(await ada.session()).toMatchObject({ principal: ada.device.principal, recoverable: true })
  })

  test('a server that dies right after a mailbox was proven: the next use completes the reset', async () => {
    const { extra } = openRoutes()
    const server = await newServer(extra)
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', victim)
    await eve.session()
    // What the one UPDATE of the route leaves behind.
    await server.change('user', { emailVerified: true, principalMailboxBy: 'nobody' })
    expect(await verdictOn(server, eve.device)).toBe('local-first')
    const looks = await Promise.all([eve.session(), eve.session(), eve.session()])
    expect(new Set(looks.map((look) => look!.principal)).size).toBe(1)
    expect(looks[0]!.principal).not.toBe(eve.device.principal)
    expect(await userOf(server)).toMatchObject({ principal: looks[0]!.principal })
    expect((await server.rows('latchkeyPrincipal')).map(({ kind }) => kind).sort()).toEqual(['canonical', 'reserved'])
  })

  test('a mailbox proof binds no account that another person could still enter', async () => {
    const { extra, last } = openRoutes()
    const server = await newServer(extra)
    await server.browser().send('/sign-up/email', post(victim))
    const ada = await newPerson(server)
    // It signs in by itself, and leaves the password where it was.
    expect((await ROUTES['/verify-email']!(ada.browser, last, await upgradeProof(ada.device))).status).toBe(200)
    expect(await userOf(server)).toMatchObject({ principal: null })
    expect((await ada.session())!.principal).toBe((await userOf(server))['id'])
  })

  test('a mailbox proof that removed every earlier way in binds an open account', async () => {
    const { extra, last } = openRoutes()
    const server = await newServer(extra)
    await server.browser().send('/sign-up/email', post(victim))
    const ada = await newPerson(server)
    await ROUTES['/magic-link/verify']!(ada.browser, last, await upgradeProof(ada.device))
    expect(await ada.session()).toMatchObject({ principal: ada.device.principal, recoverable: true })
    expect(await server.rows('account')).toEqual([])
  })

  test('a changed address is unproven again, and its first proof resets the binding', async () => {
    const { extra, last } = openRoutes()
    const server = await newServer(extra)
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', person('eve'))
    await server.change('user', { emailVerified: true, principalMailbox: 'eve@example.com' })
    expect(await eve.session()).toMatchObject({ recoverable: true })
    await server.change('user', { emailVerified: false, email: victim.email })
    expect(await eve.session()).toMatchObject({ recoverable: false })
    await ROUTES['/magic-link/verify']!(server.browser(), last)
    expect((await userOf(server))['principal']).not.toBe(eve.device.principal)
  })

  test('an expired token for a new password resets nothing', async () => {
    const { extra, last } = openRoutes()
    const server = await newServer(extra)
    const ada = await newPerson(server)
    await ada.prove('/sign-up/email', victim)
    const browser = server.browser()
    await browser.send('/request-password-reset', post({ email: victim.email, redirectTo: '/' }))
    await server.change('verification', { expiresAt: new Date(Date.now() - 1000) })
    // The lapsed one first: Better Auth deletes it at the first look.
    for (const token of [last().token, 'made up']) {
      const response = await browser.send('/reset-password', post({ newPassword: 'a new password', token }))
      expect(await codeOf(response)).toBe('INVALID_TOKEN')
    }
    expect(await userOf(server)).toMatchObject({ principal: ada.device.principal })
  })
})
