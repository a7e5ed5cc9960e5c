import type { BetterAuthOptions } from 'better-auth'
import { admin, anonymous, bearer, magicLink } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { claim } from '../binding/claim.ts'
import type { Adapter } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import {
  type ChallengeAnswer,
  EXPECT_HEADER,
  type KeysAnswer,
  PROOF_HEADER,
  type SessionAnswer,
  latchkey,
} from '../index.ts'
import { type Person, codeOf, newPerson, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, type TestBrowser, type TestServer, person, storeOf } from '../testing/server.testing.ts'

const ada = person('ada')

async function challenge(browser: TestBrowser, purpose: 'bind' | 'link' = 'bind'): Promise<ChallengeAnswer> {
  return (await (await browser.send('/latchkey/challenge', post({ purpose }))).json()) as ChallengeAnswer
}

async function bindWith(
  browser: TestBrowser,
  device: TestDevice,
  nonce: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
  return browser.send('/latchkey/bind', post({ nonce }, { [PROOF_HEADER]: proof, ...headers }))
}

async function bind({ browser, device }: Person, headers?: Record<string, string>): Promise<Response> {
  return bindWith(browser, device, (await challenge(browser)).nonce, headers)
}

onEachEngine((newServer) => {
  /** A user with a session in an account that is open. */
  const open = async (extra: Partial<BetterAuthOptions> = {}) => {
    const server = await newServer(extra)
    const one = await newPerson(server)
    await one.browser.send('/sign-up/email', post(ada))
    return { server, one }
  }

  async function expectUnbound(server: TestServer): Promise<void> {
    expect(await userOf(server)).toMatchObject({ principal: null })
    expect(await server.rows('latchkeyPrincipal')).toEqual([])
  }

  describe('bind', () => {
    test("makes the device's principal that of an open account, and its id an alias", async () => {
      const { server, one } = await open()
      const { id } = await userOf(server)
      const answer = (await (await bind(one)).json()) as SessionAnswer
      expect(answer).toEqual({
        now: expect.any(Number),
        session: {
          id: expect.any(String),
          identifiers: [],
          provenBy: null,
          accountId: id,
          principal: one.device.principal,
          aliases: [id],
          recoverable: false,
        },
      })
      expect(await one.session()).toEqual(answer.session)
      expect(await server.rows('latchkeyKey')).toMatchObject([{ thumbprint: one.device.thumbprint }])
      expect(await server.rows('latchkeyAudit')).toMatchObject([{ principal: one.device.principal, userId: id }])
    })

    test('again, answers the same', async () => {
      const { server, one } = await open()
      const first = ((await (await bind(one)).json()) as SessionAnswer).session
      const second = ((await (await bind(one)).json()) as SessionAnswer).session
      expect(second).toEqual(first)
      expect(await server.rows('latchkeyAudit')).toHaveLength(1)
    })

    test('by two devices at once, binds one of them', async () => {
      const { server, one } = await open()
      const two = await testDevice()
      const nonces = [await challenge(one.browser), await challenge(one.browser)]
      const answers = await Promise.all([
        bindWith(one.browser, one.device, nonces[0]!.nonce),
        bindWith(one.browser, two, nonces[1]!.nonce),
      ])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
      // Not `PRINCIPAL_TAKEN`: the loser's principal is still its own.
      expect(await codeOf(answers.find(({ status }) => status === 409)!)).toBe('PRINCIPAL_FIXED')
      expect([one.device.principal, two.principal]).toContain((await userOf(server))['principal'])
    })

    test('of one principal to two accounts at once, binds one of them', async () => {
      const { server, one } = await open()
      const two = await newPerson(server, one.device)
      await two.browser.send('/sign-up/email', post(person('bob')))
      const answers = await Promise.all([bind(one), bind(two)])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
      const looks = [await one.session(), await two.session()]
      expect(looks.filter((look) => look!.principal === one.device.principal)).toHaveLength(1)
    })

    test('races with the first use: the account has one principal, and it stays', async () => {
      for (let round = 0; round < 5; round++) {
        const { one } = await open()
        const { nonce } = await challenge(one.browser)
        const [bound, token] = await Promise.all([
          bindWith(one.browser, one.device, nonce),
          one.browser.client.$fetch<{ token: string }>('/token'),
        ])
        const { sub } = JSON.parse(
          atob(token.data!.token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')),
        ) as { sub: string }
        expect((await one.session())!.principal).toBe(sub)
        expect(bound.status).toBe(sub === one.device.principal ? 200 : 409)
      }
    })

    test('an account that was used is fixed, and reading it with `peek` does not use it', async () => {
      const { server, one } = await open()
      const peek = (await (await one.browser.send('/latchkey/session?peek=1')).json()) as SessionAnswer
      expect(peek.session).toMatchObject({ open: true, aliases: [] })
      expect(await userOf(server)).toMatchObject({ principalOpen: true })
      await one.session()
      const refused = await bind(one)
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PRINCIPAL_FIXED'])
      await expectUnbound(server)
    })

    test("takes no principal that is another account's", async () => {
      const { server, one } = await open()
      const two = await newPerson(server, one.device)
      await two.prove('/sign-up/email', person('bob'))
      const refused = await bind(one)
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      expect(await userOf(server, ada.email)).toMatchObject({ principal: null })
    })

    const refused: Record<string, [(one: Person, server: TestServer) => Promise<Response>, number, string]> = {
      'without a session': [async ({ device }, server) => bindWith(server.browser(), device, 'x'), 401, 'UNAUTHORIZED'],
      'with a nonce of another session': [
        async (one, server) => {
          const eve = await newPerson(server)
          await eve.browser.send('/sign-up/email', post(person('eve')))
          return bindWith(one.browser, one.device, (await challenge(eve.browser)).nonce)
        },
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce for another operation': [
        async (one) => bindWith(one.browser, one.device, (await challenge(one.browser, 'link')).nonce),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce that was made up': [
        async (one) => bindWith(one.browser, one.device, `${'a'.repeat(22)}.${Date.now() + 1e6}.${'a'.repeat(43)}`),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce whose expiry was changed': [
        async (one) => {
          const [head, , mac] = (await challenge(one.browser)).nonce.split('.')
          return bindWith(one.browser, one.device, `${head}.${Date.now() + 1e9}.${mac}`)
        },
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a proof for another nonce': [
        async (one) => {
          const [first, second] = [await challenge(one.browser), await challenge(one.browser)]
          const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce: second.nonce })
          return one.browser.send('/latchkey/bind', post({ nonce: first.nonce }, { [PROOF_HEADER]: proof }))
        },
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a proof to upgrade': [
        async (one) =>
          one.browser.send(
            '/latchkey/bind',
            post({ nonce: (await challenge(one.browser)).nonce }, await proofOf(one.device)),
          ),
        401,
        'PROOF_PURPOSE_MISMATCH',
      ],
      'without a proof': [
        async (one) => one.browser.send('/latchkey/bind', post({ nonce: (await challenge(one.browser)).nonce })),
        401,
        'TOKEN_MALFORMED',
      ],
      'without a nonce': [
        async (one) => one.browser.send('/latchkey/bind', post({}, await proofOf(one.device))),
        400,
        'BODY_INVALID',
      ],
      'in an account that the person does not expect': [
        async (one) => bind(one, { [EXPECT_HEADER]: 'victim@example.com' }),
        409,
        'PROOF_IDENTIFIER_MISMATCH',
      ],
      'in an account whose address is not proven, though it is the one expected': [
        async (one) => bind(one, { [EXPECT_HEADER]: ada.email }),
        409,
        'PROOF_IDENTIFIER_MISMATCH',
      ],
      'in a session that is old': [
        async (one, server) => {
          const { nonce } = await challenge(one.browser)
          await server.change('session', { createdAt: new Date(Date.now() - 2 * 86_400_000) })
          return bindWith(one.browser, one.device, nonce)
        },
        403,
        'SESSION_NOT_FRESH',
      ],
    }
    for (const [name, [act, status, code]] of Object.entries(refused)) {
      test(`is refused ${name}`, async () => {
        const { server, one } = await open()
        const response = await act(one, server)
        expect([response.status, await codeOf(response)]).toEqual([status, code])
        expect(await userOf(server, ada.email)).toMatchObject({ principal: null })
        expect(await server.rows('latchkeyPrincipal')).toEqual([])
      })
    }

    test('uses its nonce up, even if many requests arrive at once', async () => {
      const { one } = await open()
      const { nonce } = await challenge(one.browser)
      const answers = await Promise.all([1, 2, 3].map(() => bindWith(one.browser, one.device, nonce)))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    })

    test('a nonce expires after two minutes', async () => {
      let now = Date.now()
      const { one } = await open({ plugins: [latchkey({ clock: () => now })] })
      const { nonce, expiresAt } = await challenge(one.browser)
      expect(expiresAt).toBe(now + 120_000)
      now = expiresAt
      const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce, now: now / 1000 })
      const response = await one.browser.send('/latchkey/bind', post({ nonce }, { [PROOF_HEADER]: proof }))
      expect(await codeOf(response)).toBe('PROOF_NONCE_MISMATCH')
    })

    test('never binds a user of the anonymous plugin', async () => {
      const server = await newServer({ plugins: [anonymous()] })
      const one = await newPerson(server)
      await one.browser.send('/sign-in/anonymous', post({}))
      expect(await codeOf(await bind(one))).toBe('PRINCIPAL_FIXED')
      await expectUnbound(server)
    })

    test('never binds from a session of an impersonating admin', async () => {
      const { server, one } = await open({ plugins: [admin()] })
      const boss = await newPerson(server)
      await boss.browser.send('/sign-up/email', post(person('boss')))
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      const { id } = await userOf(server, ada.email)
      expect((await boss.prove('/admin/impersonate-user', { userId: id })).status).toBe(200)
      expect(await codeOf(await bind(boss))).toBe('PRINCIPAL_FIXED')
      expect(await userOf(server, ada.email)).toMatchObject({ principal: null, principalOpen: true })
      expect(await codeOf(await bind(one))).not.toBe('PRINCIPAL_FIXED')
    })

    test('binds nothing if the mailbox is proven after the account was looked at', async () => {
      const { server } = await open()
      const { adapter } = server
      const judged = (await userOf(server)) as unknown as BoundUser
      const late: Adapter = {
        ...adapter,
        async updateMany(input) {
          if (input.model === 'user')
            await server.change('user', {
              emailVerified: true,
              principalMailbox: ada.email,
              principalMailboxBy: 'nobody',
            })
          return adapter.updateMany(input)
        },
      }
      expect(await claim(storeOf(late), judged, await testDevice())).toBe(false)
      const rows = await server.rows('latchkeyPrincipal')
      // Proven earlier, it reserves nothing either.
      expect(await claim(storeOf(adapter), judged, await testDevice())).toBe(false)
      expect(await server.rows('latchkeyPrincipal')).toEqual(rows)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test('works in a session by bearer token', async () => {
      const server = await newServer({ plugins: [bearer()] })
      const one = await newPerson(server)
      const signedUp = await one.browser.send('/sign-up/email', post(ada))
      const authorization = `Bearer ${signedUp.headers.get('set-auth-token')}`
      one.browser.cookies.clear()
      const { nonce } = (await (
        await one.browser.send('/latchkey/challenge', post({ purpose: 'bind' }, { authorization }))
      ).json()) as ChallengeAnswer
      expect((await bindWith(one.browser, one.device, nonce, { authorization })).status).toBe(200)
    })

    test('after a link that handed the account over: refused while its creator could still enter it', async () => {
      const sent: string[] = []
      const server = await newServer({
        emailAndPassword: { enabled: true },
        emailVerification: {
          sendOnSignUp: true,
          autoSignInAfterVerification: true,
          sendVerificationEmail: async ({ token }) => void sent.push(token),
        },
      })
      await server.browser().send('/sign-up/email', post(ada))
      const victim = await newPerson(server)
      await victim.browser.send(`/verify-email?token=${sent[0]}`)
      expect(await codeOf(await bind(victim))).toBe('ACCOUNT_HANDED_OVER')
      await expectUnbound(server)
    })

    test('after a link that removed every earlier way in: binds', async () => {
      const sent: string[] = []
      const server = await newServer({
        plugins: [magicLink({ sendMagicLink: async ({ token }) => void sent.push(token) })],
      })
      await server.browser().send('/sign-up/email', post(ada))
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await victim.browser.send(`/magic-link/verify?token=${sent[0]}`)
      expect((await bind(victim, { [EXPECT_HEADER]: ada.email })).status).toBe(200)
      expect(await victim.session()).toMatchObject({ principal: victim.device.principal, recoverable: true })
    })
  })

  describe('the session endpoint', () => {
    test('tells the time to everybody, and who the session belongs to', async () => {
      const server = await newServer({ plugins: [latchkey({ clock: () => 1_800_000_000_000 })] })
      const answer = await server.browser().send('/latchkey/session')
      expect(await answer.json()).toEqual({ now: 1_800_000_000_000, session: null })
      expect(answer.headers.get('cache-control')).toContain('no-store')
    })
  })

  describe('device keys', () => {
    const keysOf = async ({ browser }: Person) =>
      ((await (await browser.send('/latchkey/keys')).json()) as KeysAnswer).keys
    const bound = async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      return { server, one }
    }

    test('are listed with their names and when they were seen (checklist 28: list)', async () => {
      const { one } = await bound()
      expect(await keysOf(one)).toEqual([
        {
          thumbprint: one.device.thumbprint,
          principal: one.device.principal,
          name: null,
          createdAt: expect.any(Number),
          lastSeenAt: expect.any(Number),
          retiredAt: null,
        },
      ])
      expect(
        (await one.browser.send('/latchkey/keys/name', post({ thumbprint: one.device.thumbprint, name: 'laptop' })))
          .status,
      ).toBe(200)
      const [before] = await keysOf(one)
      expect(before).toMatchObject({ name: 'laptop' })
      await one.browser.send('/sign-out', post({}))
      await one.prove('/sign-in/email', ada)
      expect((await keysOf(one))[0]!.lastSeenAt).toBeGreaterThanOrEqual(before!.lastSeenAt!)
    })

    test('are not revoked ten minutes after the sign-in, whatever freshAge is', async () => {
      const { server, one } = await bound()
      await server.change('user', { emailVerified: true })
      const body = post({ thumbprint: one.device.thumbprint })
      await server.change('session', { createdAt: new Date(Date.now() - 600_000) })
      const refused = await one.browser.send('/latchkey/keys/revoke', body)
      expect([refused.status, await codeOf(refused)]).toEqual([403, 'SESSION_NOT_FRESH'])
      expect(await keysOf(one)).toMatchObject([{ retiredAt: null }])
      await server.change('session', { createdAt: new Date(Date.now() - 540_000) })
      expect((await one.browser.send('/latchkey/keys/revoke', body)).status).toBe(200)
    })

    test('of another account cannot be named or revoked', async () => {
      const { server, one } = await bound()
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', person('eve'))
      for (const path of ['/latchkey/keys/name', '/latchkey/keys/revoke']) {
        expect(
          await codeOf(await eve.browser.send(path, post({ thumbprint: one.device.thumbprint, name: 'mine' }))),
        ).toBe('KEY_UNKNOWN')
      }
      expect(await keysOf(one)).toMatchObject([{ name: null, retiredAt: null }])
    })

    test('are not revoked while one may be the last way in', async () => {
      const { one } = await bound()
      const refused = await one.browser.send('/latchkey/keys/revoke', post({ thumbprint: one.device.thumbprint }))
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'KEY_NEEDED'])
      expect(await keysOf(one)).toMatchObject([{ retiredAt: null }])
    })

    test('that were revoked bind nothing, here or anywhere (checklist 28: revoke)', async () => {
      const { server, one } = await bound()
      await server.change('user', { emailVerified: true })
      expect(
        (await one.browser.send('/latchkey/keys/revoke', post({ thumbprint: one.device.thumbprint }))).status,
      ).toBe(200)
      expect(await keysOf(one)).toMatchObject([{ retiredAt: expect.any(Number) }])
      expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':')[0]).sort()).toEqual([
        'bind',
        'revoke',
      ])
      const refused = await (await newPerson(server, one.device)).prove('/sign-up/email', person('eve'))
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PROOF_KEY_REVOKED'])
      expect(await server.rows('user')).toHaveLength(1)
      // The password still opens the account.
      expect((await one.prove('/sign-in/email', ada)).status).toBe(200)
    })

    for (const path of ['/latchkey/keys', '/latchkey/keys/name', '/latchkey/keys/revoke', '/latchkey/challenge']) {
      test(`${path} needs a session`, async () => {
        const server = await newServer()
        const init = path === '/latchkey/keys' ? {} : post({ thumbprint: 'x', name: 'x', purpose: 'bind' })
        expect((await server.browser().send(path, init)).status).toBe(401)
      })
    }
  })
})
