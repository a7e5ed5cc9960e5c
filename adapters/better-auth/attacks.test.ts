import { APIError } from 'better-auth/api'
import { deviceAuthorization, emailOTP } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { signJws } from '../../lib/tokens/mint.ts'
import { onEachEngine } from './testing/engines.testing.ts'
import { type ChallengeAnswer, EXPECT_HEADER, PROOF_HEADER, createBetterAuthResolver } from './index.ts'
import { type Person, codeOf, newPerson, post, proofOf, userOf } from './testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from './testing/server.testing.ts'

// What one person tries against another, with everything that could have leaked to them.

const ada = person('ada')
const eve = person('eve')

async function nonceOf({ browser }: Person, purpose: 'bind' | 'link' = 'bind'): Promise<string> {
  return ((await (await browser.send('/latchkey/challenge', post({ purpose }))).json()) as ChallengeAnswer).nonce
}

function present({ browser }: Person, nonce: string, proof: string, more: object = {}): Promise<Response> {
  return browser.send('/latchkey/bind', post({ nonce, ...more }, { [PROOF_HEADER]: proof }))
}

function bindProof(device: TestDevice, nonce: string): Promise<string> {
  return device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
}

/** A victim and an attacker, each with a session in an account of their own that is open. */
async function two(server: TestServer): Promise<{ victim: Person; attacker: Person }> {
  const [victim, attacker] = [await newPerson(server), await newPerson(server)]
  await victim.browser.send('/sign-up/email', post(ada))
  await attacker.browser.send('/sign-up/email', post(eve))
  return { victim, attacker }
}

async function expectUnbound(server: TestServer): Promise<void> {
  for (const user of await server.rows('user')) expect(user).toMatchObject({ principal: null })
  expect(await server.rows('latchkeyPrincipal')).toEqual([])
}

async function verdictOn(server: TestServer, device: TestDevice): Promise<string> {
  const headers = { authorization: `Bearer ${await device.token({ audience: ORIGIN })}` }
  const answer = await createBetterAuthResolver(server.auth).resolve(new Request(ORIGIN, { headers }))
  return answer.ok ? answer.session.authMode : answer.error
}

onEachEngine((newServer) => {
  describe('a proof that the attacker signs', () => {
    const upgrade = { audience: AUDIENCE, now: Date.now() / 1000, lifetime: 60 }
    const claims = { jti: 'AAAAAAAAAAAAAAAAAAAAAA', purpose: 'upgrade' }

    test('in the name of another principal creates no account', async () => {
      const server = await newServer()
      const [{ principal }, { key }] = [await testDevice(), await testDevice()]
      const proof = await signJws({ ...key, principal }, 'latchkey-proof+jwt', upgrade, claims)
      const response = await server.browser().send('/sign-up/email', post(eve, { [PROOF_HEADER]: proof }))
      expect([response.status, await codeOf(response)]).toEqual([401, 'TOKEN_SUBJECT_MISMATCH'])
      expect(await server.rows('user')).toEqual([])
    })

    test('in the name of another key creates no account', async () => {
      const server = await newServer()
      const [victim, { key }] = [await testDevice(), await testDevice()]
      const proof = await signJws({ ...victim.key, sign: key.sign }, 'latchkey-proof+jwt', upgrade, claims)
      const response = await server.browser().send('/sign-up/email', post(eve, { [PROOF_HEADER]: proof }))
      expect([response.status, await codeOf(response)]).toEqual([401, 'TOKEN_SIGNATURE_INVALID'])
      expect(await server.rows('user')).toEqual([])
    })

    test("for itself, with the victim's principal in the body, binds its own", async () => {
      const server = await newServer()
      const { attacker, victim } = await two(server)
      const { id } = await userOf(server, ada.email)
      const nonce = await nonceOf(attacker)
      const more = { principal: victim.device.principal, thumbprint: victim.device.thumbprint, userId: id }
      const response = await present(attacker, nonce, await bindProof(attacker.device, nonce), more)
      expect(await userOf(server, eve.email)).toMatchObject({ principal: attacker.device.principal })
      expect(response.status).toBe(200)
      expect(await userOf(server, ada.email)).toMatchObject({ principal: null, principalOpen: true })
    })
  })

  describe("a stolen proof in the attacker's session", () => {
    test('to bind, with the nonce that it was made for, binds nothing', async () => {
      const server = await newServer()
      const { victim, attacker } = await two(server)
      const nonce = await nonceOf(victim)
      const refused = await present(attacker, nonce, await bindProof(victim.device, nonce))
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'PROOF_NONCE_MISMATCH'])
      await expectUnbound(server)
    })

    test("to bind, with a nonce of the attacker's own, binds nothing", async () => {
      const server = await newServer()
      const { victim, attacker } = await two(server)
      const proof = await bindProof(victim.device, await nonceOf(victim))
      const refused = await present(attacker, await nonceOf(attacker), proof)
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'PROOF_NONCE_MISMATCH'])
      await expectUnbound(server)
    })

    test('to bind, at a sign-in or a sign-up, binds nothing', async () => {
      const server = await newServer()
      const { victim } = await two(server)
      for (const [path, body] of [
        ['/sign-in/email', eve],
        ['/sign-up/email', person('mallory')],
      ] as const) {
        const proof = await bindProof(victim.device, await nonceOf(victim))
        const refused = await server.browser().send(path, post(body, { [PROOF_HEADER]: proof }))
        expect([refused.status, await codeOf(refused)]).toEqual([401, 'PROOF_PURPOSE_MISMATCH'])
      }
      await expectUnbound(server)
    })

    test('to link, binds nothing', async () => {
      const server = await newServer()
      const { victim, attacker } = await two(server)
      const nonce = await nonceOf(attacker)
      const { id: linkTo } = (await userOf(server, eve.email)) as { id: string }
      const proof = await victim.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
      const refused = await present(attacker, nonce, proof)
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'PROOF_PURPOSE_MISMATCH'])
      await expectUnbound(server)
    })
  })

  describe("a session of the attacker, planted in the victim's browser", () => {
    const planted = async () => {
      const server = await newServer()
      const [attacker, victim] = [await newPerson(server), await newPerson(server)]
      await attacker.browser.send('/sign-up/email', post(eve))
      for (const [name, value] of attacker.browser.cookies) victim.browser.cookies.set(name, value)
      return { server, victim }
    }

    test('gets nothing from requests that carry a proof without a sign-in', async () => {
      const { server, victim } = await planted()
      await victim.prove('/update-user', { name: 'Ada' })
      await victim.prove('/change-password', {
        currentPassword: eve.password,
        newPassword: 'another password',
        revokeOtherSessions: true,
      })
      await expectUnbound(server)
    })

    test('gets nothing from a sign-in that is refused', async () => {
      const { server, victim } = await planted()
      expect((await victim.prove('/sign-in/email', { email: ada.email, password: 'mistyped' })).status).toBe(401)
      await expectUnbound(server)
    })

    test("is replaced by the victim's own sign-up, and gets nothing", async () => {
      const { server, victim } = await planted()
      expect((await victim.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await userOf(server, eve.email)).toMatchObject({ principal: null })
      expect(await victim.session()).toMatchObject({
        accountId: (await userOf(server, ada.email))['id'],
        principal: victim.device.principal,
      })
    })

    test('is not bound by a victim who says whom they expect', async () => {
      const { server, victim } = await planted()
      const nonce = await nonceOf(victim)
      const headers = { [PROOF_HEADER]: await bindProof(victim.device, nonce), [EXPECT_HEADER]: ada.email }
      const refused = await victim.browser.send('/latchkey/bind', post({ nonce }, headers))
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PROOF_IDENTIFIER_MISMATCH'])
      await expectUnbound(server)
    })
  })

  test('a principal in the body of a sign-up is ignored', async () => {
    const server = await newServer()
    const { principal } = await testDevice()
    const refused = await server.browser().send('/sign-up/email', post({ ...eve, principal }))
    expect((await server.rows('user')).map((user) => user['principal'])).not.toContain(principal)
    expect([refused.status, await codeOf(refused)]).toEqual([400, 'FIELD_NOT_ALLOWED'])
  })

  test('a device that polls for an approval does not bind the account of the user who approves', async () => {
    const server = await newServer({ plugins: [deviceAuthorization({ verificationUri: '/device' })] })
    const { victim, attacker } = await two(server)
    const { device_code: code, user_code: shown } = (await (
      await attacker.browser.send('/device/code', post({ client_id: 'tv' }))
    ).json()) as Record<'device_code' | 'user_code', string>
    await victim.browser.send(`/device?user_code=${shown}`)
    expect((await victim.browser.send('/device/approve', post({ userCode: shown }))).status).toBe(200)
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code, client_id: 'tv' }
    attacker.browser.cookies.clear()
    expect((await attacker.prove('/device/token', grant)).status).toBe(200)
    await expectUnbound(server)
  })

  test('a principal that an attacker reserves with a stolen proof, and never uses, stays with its key at once', async () => {
    const codes: string[] = []
    const server = await newServer({
      plugins: [emailOTP({ sendVerificationOTP: async ({ otp }) => void codes.push(otp) })],
      // The sign-up ends after the reservation; this route has no transaction that would take it back.
      databaseHooks: {
        user: {
          create: {
            before: async ({ email }) => {
              if (email === eve.email) throw new APIError('BAD_REQUEST', { code: 'NOT_WELCOME' })
            },
          },
        },
      },
    })
    const [attacker, victim] = [await newPerson(server), await newPerson(server)]
    await attacker.browser.send('/email-otp/send-verification-otp', post({ email: eve.email, type: 'sign-in' }))
    const stolen = await proofOf(victim.device)
    expect(
      (await attacker.browser.send('/sign-in/email-otp', post({ email: eve.email, otp: codes[0] }, stolen))).status,
    ).toBe(400)
    expect(await server.rows('latchkeyPrincipal')).toMatchObject([
      { principal: victim.device.principal, kind: 'reserved' },
    ])
    expect((await victim.prove('/sign-up/email', ada)).status).toBe(200)
    expect(await victim.session()).toMatchObject({ principal: victim.device.principal })
  })

  describe('a device secret that the attacker planted', () => {
    test("gains nothing once the victim's account can be recovered", async () => {
      const links: string[] = []
      const server = await newServer({
        emailVerification: {
          sendOnSignUp: true,
          autoSignInAfterVerification: true,
          sendVerificationEmail: async ({ token }) => void links.push(token),
        },
      })
      const victim = await newPerson(server)
      await victim.prove('/sign-up/email', ada)
      expect(await verdictOn(server, victim.device)).toBe('local-first')
      await victim.follow(`/verify-email?token=${links[0]}`, { [EXPECT_HEADER]: ada.email })
      expect(await victim.session()).toMatchObject({ principal: victim.device.principal, recoverable: true })
      const attacker = await newPerson(server, victim.device)
      expect(await verdictOn(server, attacker.device)).toBe('disabled')
      const signUp = await attacker.prove('/sign-up/email', eve)
      expect([signUp.status, await codeOf(signUp)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      expect(await attacker.session()).toBeNull()
    })

    test("and upgraded first, does not lead the victim into the attacker's account", async () => {
      const server = await newServer()
      const device = await testDevice()
      await (await newPerson(server, device)).prove('/sign-up/email', eve)
      const victim = await newPerson(server, device)
      const refused = await victim.prove('/sign-up/email', ada)
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      expect(await victim.session()).toBeNull()
      expect(await server.rows('user')).toHaveLength(1)
    })
  })
})
