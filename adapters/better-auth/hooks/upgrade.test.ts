import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { createAuthClient } from 'better-auth/client'
import { admin, anonymous } from 'better-auth/plugins'
import { testDevice } from '../../../lib/testing.ts'
import { latchkeyClient } from '../client/index.ts'
import { PROOF_HEADER, type SessionAnswer } from '../index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { link } from '../testing/link.testing.ts'
import { newPerson, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')

function json(body: object, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}

onEachEngine((newServer) => {
  describe('a sign-up with e-mail and password', () => {
    test('keeps the principal, in the same INSERT as the user, with its row in the lock (checklist 6: the same principal)', async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      const { principal } = auth.getState().session!
      expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
      const [user] = await server.rows('user')
      expect(user).toMatchObject({ principal, principalOpen: false })
      expect(await server.rows('latchkeyPrincipal')).toMatchObject([
        { principal, userId: user!['id'], kind: 'canonical', epoch: user!['principalEpoch'] },
      ])
      expect(await server.rows('latchkeyAudit')).toMatchObject([{ principal, userId: user!['id'] }])
      expect(await server.rows('latchkeyProof')).toHaveLength(1)
    })

    test("the account's token has the principal as `sub`, the mode, the session's `sid`, and nothing of the user", async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      await auth.upgrade(() => browser.client.signUp.email(ada))
      const { iat: _, exp: __, ...claims } = decodeJwt((await auth.getToken())!)
      const [{ id }] = (await server.rows('session')) as [{ id: string }]
      expect(claims).toEqual({
        iss: ORIGIN,
        aud: ORIGIN,
        sub: auth.getState().session!.principal,
        auth_mode: 'external',
        aliases: [],
        sid: createHash('sha256').update(`latchkey/v1/sid${id}`).digest().subarray(0, 16).toString('base64url'),
      })
    })

    test("on a second device that holds nothing, a sign-in takes the account's principal", async () => {
      const server = await newServer()
      const [first, second] = [server.browser(), server.browser()]
      const auth = await first.load()
      await auth.upgrade(() => first.client.signUp.email(ada))
      const other = await second.load()
      expect(await other.upgrade(() => second.client.signIn.email(ada))).toMatchObject({
        outcome: 'switched',
        session: { principal: auth.getState().session!.principal },
      })
    })

    test('on a second device that holds something, a sign-in is a conflict, and cancelled it leaves no session', async () => {
      const server = await newServer()
      const [first, second] = [server.browser(), server.browser()]
      await (await first.load()).upgrade(() => first.client.signUp.email(ada))
      const other = await second.load({ describeLocal: () => ({ items: 1 }) })
      const before = other.getState().session
      expect(await other.upgrade(() => second.client.signIn.email(ada))).toMatchObject({
        outcome: 'conflict',
        conflict: { account: { principal: expect.any(String) } },
      })
      expect(other.getState()).toMatchObject({ phase: 'conflict', session: before })
      await other.cancelUpgrade()
      expect((await second.client.getSession()).data).toBeNull()
      expect(await server.rows('session')).toHaveLength(1)
    })

    test("a wrong password is the provider's error, and nothing changes", async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      await auth.upgrade(() => browser.client.signUp.email(ada))
      await auth.signOut()
      await auth.ensureIdentity()
      const before = auth.getState()
      const result = await auth.upgrade(() => browser.client.signIn.email({ ...ada, password: 'wrong' }))
      expect(result).toMatchObject({
        outcome: 'failed',
        error: { code: 'PROVIDER_REFUSED', cause: { code: 'INVALID_EMAIL_OR_PASSWORD' } },
      })
      expect(auth.getState()).toEqual({ ...before, upgrade: { failure: 'PROVIDER_REFUSED' } })
    })

    test('with the answer lost after the server committed: signing in finds the same identity', async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      const { principal } = auth.getState().session!
      const lost = await auth.upgrade(() => {
        browser.intercept = async (_, forward) => {
          await forward()
          browser.cookies.clear()
          throw new TypeError('fetch failed')
        }
        return browser.client.signUp.email(ada)
      })
      expect(lost).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
      expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
      expect(await server.rows('user')).toHaveLength(1)
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal },
      })
    })

    test('with a network that is gone: OFFLINE, and nothing changes', async () => {
      const browser = (await newServer()).browser()
      const auth = await browser.load()
      const result = await auth.upgrade(() => {
        browser.intercept = async () => {
          throw new TypeError('fetch failed')
        }
        return browser.client.signUp.email(ada)
      })
      expect(result).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
      expect(auth.getState().authMode).toBe('local-first')
    })

    test('after a sign-out, signing in again brings the same principal back', async () => {
      const browser = (await newServer()).browser()
      const auth = await browser.load()
      const { principal } = auth.getState().session!
      await auth.upgrade(() => browser.client.signUp.email(ada))
      await auth.signOut()
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ session: { principal } })
    })
  })

  describe('the proof', () => {
    test('travels only while upgrade runs, only on POST, only to the provider', async () => {
      const browser = (await newServer()).browser()
      const auth = await browser.load()
      await browser.client.signIn.email(ada)
      await auth.upgrade(async () => {
        await browser.client.getSession()
        await browser.client.$fetch('https://evil.example/collect', { method: 'POST', body: {} })
        await browser.client.$fetch(`${ORIGIN}.evil.example/api/auth/x`, { method: 'POST', body: {} })
        await browser.client.$fetch(`${AUDIENCE}/../elsewhere`, { method: 'POST', body: {} })
        return browser.client.signUp.email(ada)
      })
      await browser.client.signIn.email(ada)
      const carrying = browser.requests.filter(({ headers }) => headers.has(PROOF_HEADER))
      expect(carrying.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST ${AUDIENCE}/sign-up/email`])
      expect(carrying[0]!.redirect).toBe('manual')
      expect(browser.requests.some(({ url }) => url.startsWith('https://evil.example'))).toBe(true)
    })

    test('is fresh for each request', async () => {
      const browser = (await newServer()).browser()
      const auth = await browser.load()
      await auth.upgrade(async () => {
        await browser.client.signIn.email(ada)
        return browser.client.signUp.email(ada)
      })
      const proofs = browser.requests.map(({ headers }) => headers.get(PROOF_HEADER)).filter(Boolean)
      expect(proofs).toHaveLength(2)
      expect(new Set(proofs).size).toBe(2)
    })

    test('works once', async () => {
      const server = await newServer()
      const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
      const first = await server.browser().send('/sign-up/email', json(ada, { [PROOF_HEADER]: proof }))
      const second = await server.browser().send('/sign-up/email', json(person('eve'), { [PROOF_HEADER]: proof }))
      expect(first.status).toBe(200)
      expect(second.status).toBe(401)
      expect(await codeOf(second)).toBe('PROOF_REPLAYED')
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('works once, even if two requests use it at the same moment', async () => {
      const server = await newServer()
      const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
      const answers = await Promise.all(
        ['ada', 'eve', 'bob'].map((name) =>
          server.browser().send('/sign-up/email', json(person(name), { [PROOF_HEADER]: proof })),
        ),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('works once, even if the sign-up that carried it was refused', async () => {
      const server = await newServer()
      const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
      await server.browser().send('/sign-up/email', json({ ...ada, password: 'x' }, { [PROOF_HEADER]: proof }))
      expect(await codeOf(await server.browser().send('/sign-up/email', json(ada, { [PROOF_HEADER]: proof })))).toBe(
        'PROOF_REPLAYED',
      )
    })

    const wrong: Record<string, [(server: TestServer) => Promise<string>, string]> = {
      'for another server': [
        async () => (await testDevice()).proof({ audience: 'https://other.example/api/auth', purpose: 'upgrade' }),
        'TOKEN_AUDIENCE_MISMATCH',
      ],
      'for the app instead of the server': [
        async () => (await testDevice()).proof({ audience: ORIGIN, purpose: 'upgrade' }),
        'TOKEN_AUDIENCE_MISMATCH',
      ],
      'for another operation': [
        async () => (await testDevice()).proof({ audience: AUDIENCE, purpose: 'exchange' }),
        'PROOF_PURPOSE_MISMATCH',
      ],
      'that expired': [
        async () => (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade', now: Date.now() / 1000 - 61 }),
        'TOKEN_EXPIRED',
      ],
      'that is a token': [async () => (await testDevice()).token({ audience: AUDIENCE }), 'TOKEN_TYPE_UNEXPECTED'],
      'that is nonsense': [async () => 'nonsense', 'TOKEN_MALFORMED'],
      'that is empty': [async () => '', 'TOKEN_MALFORMED'],
    }
    for (const [name, [mint, code]] of Object.entries(wrong)) {
      test(`${name} is refused, and no user is created`, async () => {
        const server = await newServer()
        const response = await server
          .browser()
          .send('/sign-up/email', json(ada, { [PROOF_HEADER]: await mint(server) }))
        expect(response.status).toBe(401)
        expect(await codeOf(response)).toBe(code)
        expect(await server.rows('user')).toEqual([])
        expect(await server.rows('session')).toEqual([])
      })
    }

    test('in the body, or a principal in the body, is refused', async () => {
      const server = await newServer()
      const device = await testDevice()
      const response = await server
        .browser()
        .send(
          '/sign-up/email',
          json({ ...ada, principal: device.principal, principalOpen: false, provedUserId: device.principal }),
        )
      expect(response.status).toBe(400)
      expect(await server.rows('user')).toEqual([])
    })

    test('is not used up by reading the session', async () => {
      const server = await newServer()
      const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
      const browser = server.browser()
      await browser.send('/get-session', { headers: { [PROOF_HEADER]: proof } })
      expect((await browser.send('/sign-up/email', json(ada, { [PROOF_HEADER]: proof }))).status).toBe(200)
    })
  })

  describe('one principal', () => {
    test('belongs to one account', async () => {
      const server = await newServer()
      const device = await testDevice()
      const signUp = async (name: string) =>
        server
          .browser()
          .send(
            '/sign-up/email',
            json(person(name), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
          )
      expect((await signUp('ada')).status).toBe(200)
      const second = await signUp('eve')
      expect(second.status).toBe(409)
      expect(await codeOf(second)).toBe('PRINCIPAL_TAKEN')
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('belongs to one account, even if both sign up at the same moment', async () => {
      const server = await newServer()
      const device = await testDevice()
      const answers = await Promise.all(
        ['ada', 'eve', 'bob'].map(async (name) =>
          server
            .browser()
            .send(
              '/sign-up/email',
              json(person(name), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
            ),
        ),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect((await server.rows('user')).filter(({ principal }) => principal === device.principal)).toHaveLength(1)
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('stays with an account that was deleted: it is never given again', async () => {
      const server = await newServer({ user: { deleteUser: { enabled: true } } })
      const device = await testDevice()
      const signUp = async (name: string) =>
        server
          .browser()
          .send(
            '/sign-up/email',
            json(person(name), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
          )
      const browser = server.browser()
      await browser.send(
        '/sign-up/email',
        json(ada, { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
      )
      await browser.client.$fetch('/latchkey/session')
      await browser.client.deleteUser({ password: ada.password })
      expect(await server.rows('user')).toEqual([])
      expect((await signUp('eve')).status).toBe(409)
    })

    test('whose sign-up died after the reservation can be tried again with the same key', async () => {
      const server = await newServer()
      const device = await testDevice()
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: device.principal,
          thumbprint: device.thumbprint,
          kind: 'reserved',
          epoch: 'old',
          until: new Date('2026-01-01'),
        },
      })
      const response = await server
        .browser()
        .send(
          '/sign-up/email',
          json(ada, { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
        )
      expect(response.status).toBe(200)
      expect(await server.rows('user')).toMatchObject([{ principal: device.principal }])
    })

    test('is not counted for a user whose lock row names another', async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      await auth.upgrade(() => browser.client.signUp.email(ada))
      await server.change('latchkeyPrincipal', { userId: 'other' })
      const { data } = await browser.client.$fetch<SessionAnswer>('/latchkey/session')
      expect(data!.session!.principal).toBe(data!.session!.accountId)
    })

    test('is not counted for a user whose lock row names another, and neither are its aliases', async () => {
      const server = await newServer()
      const [one, alias] = [await newPerson(server), await testDevice()]
      await one.prove('/sign-up/email', ada)
      expect((await link(one, alias)).status).toBe(200)
      const { principal } = one.device
      expect(await one.session()).toMatchObject({ principal, aliases: [alias.principal] })
      await server.change('latchkeyPrincipal', { userId: 'other' }, { principal })
      const { id } = await userOf(server)
      expect(await one.session()).toMatchObject({ principal: id, aliases: [] })
    })
  })

  describe('an account that was created without a proof', () => {
    test('is open, and takes the principal of the device that signs in to it; its id becomes an alias', async () => {
      const server = await newServer()
      await server.browser().client.signUp.email(ada)
      const [user] = await server.rows('user')
      expect(user).toMatchObject({ principal: null, principalOpen: true })
      const browser = server.browser()
      const auth = await browser.load({ describeLocal: () => ({ items: 3 }) })
      const { principal } = auth.getState().session!
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'upgraded',
        session: { principal, principals: [principal, user!['id']] },
      })
      expect(decodeJwt((await auth.getToken())!)).toMatchObject({ sub: principal, aliases: [user!['id']] })
    })

    test('is fixed by its first token, and its `sub` never changes afterwards', async () => {
      const server = await newServer()
      const first = server.browser()
      await first.client.signUp.email(ada)
      const { data } = await first.client.$fetch<{ token: string }>('/token')
      const { sub } = decodeJwt(data!.token)
      expect(sub).toBe((await server.rows('user'))[0]!['id'])
      const browser = server.browser()
      const auth = await browser.load()
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'switched',
        session: { principal: sub },
      })
      expect(await server.rows('user')).toMatchObject([{ principal: null, principalOpen: false }])
    })

    test("does not take a principal that is another account's", async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      await auth.upgrade(() => browser.client.signUp.email(ada))
      const device = await testDevice()
      await server
        .browser()
        .send(
          '/sign-up/email',
          json(person('bob'), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
        )
      await server.browser().client.signUp.email(person('open'))
      const response = await server
        .browser()
        .send(
          '/sign-in/email',
          json(person('open'), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
        )
      expect(response.status).toBe(200)
      expect((await server.rows('user')).find(({ email }) => email === 'open@example.com')).toMatchObject({
        principal: null,
      })
    })

    test('older than the plugin is fixed from the start', async () => {
      const server = await newServer()
      await server.browser().client.signUp.email(ada)
      await server.change('user', { principalOpen: null })
      const browser = server.browser()
      const auth = await browser.load()
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({
        outcome: 'switched',
        session: { principal: (await server.rows('user'))[0]!['id'] },
      })
    })
  })

  describe('never bound by a header', () => {
    test('an anonymous user of Better Auth', async () => {
      const server = await newServer({ plugins: [anonymous()] })
      const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
      await server.browser().send('/sign-in/anonymous', json({}, { [PROOF_HEADER]: proof }))
      expect(await server.rows('user')).toMatchObject([{ isAnonymous: true, principal: null, principalOpen: false }])
    })

    test('a user that an admin creates, whatever the admin passes', async () => {
      const server = await newServer({ plugins: [admin()] })
      const browser = server.browser()
      await browser.client.signUp.email(ada)
      await server.change('user', { role: 'admin' })
      const device = await testDevice()
      const proof = await device.proof({ audience: AUDIENCE, purpose: 'upgrade' })
      const made = await browser.send(
        '/admin/create-user',
        json(
          { ...person('bob'), role: 'user', data: { principal: device.principal, principalOpen: false } },
          { [PROOF_HEADER]: proof },
        ),
      )
      expect(made.status).toBe(200)
      expect((await server.rows('user')).find(({ email }) => email === 'bob@example.com')).toMatchObject({
        principal: null,
      })
      const bob = (await server.rows('user')).find(({ email }) => email === 'bob@example.com')!
      const changed = await browser.send(
        '/admin/update-user',
        json({ userId: bob['id'], data: { principal: device.principal } }),
      )
      expect(changed.status).toBe(400)
      expect((await server.rows('user')).every(({ principal }) => principal === null)).toBe(true)
    })
  })

  test('a crash between the user and the confirmation loses nothing: the first use completes it', async () => {
    const server = await newServer()
    const browser = server.browser()
    const device = await testDevice()
    await browser.send(
      '/sign-up/email',
      json(ada, { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
    )
    expect(await server.rows('latchkeyPrincipal')).toMatchObject([{ kind: 'reserved', userId: null }])
    const answers = await Promise.all([1, 2, 3].map(() => browser.client.$fetch<SessionAnswer>('/latchkey/session')))
    expect(answers.map(({ data }) => data!.session!.principal)).toEqual([
      device.principal,
      device.principal,
      device.principal,
    ])
    expect(await server.rows('latchkeyPrincipal')).toMatchObject([
      { kind: 'canonical', userId: (await server.rows('user'))[0]!['id'] },
    ])
    expect(await server.rows('latchkeyAudit')).toHaveLength(1)
  })

  test('a reservation that an account already holds cannot be entered again', async () => {
    const server = await newServer()
    const device = await testDevice()
    const signUp = async (name: string) =>
      server
        .browser()
        .send(
          '/sign-up/email',
          json(person(name), { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }),
        )
    await signUp('ada')
    expect(await server.rows('latchkeyPrincipal')).toMatchObject([{ kind: 'reserved' }])
    expect((await signUp('eve')).status).toBe(409)
  })
})

describe('configuration', () => {
  test('without a base URL the server refuses to start, since a Host header proves nothing', async () => {
    await expect(testServer({ baseURL: undefined } as never)).rejects.toThrow(/baseURL/)
  })

  test('the client finds the account server as Better Auth does', () => {
    const audience = (options: object): string =>
      createAuthClient({ plugins: [latchkeyClient()], ...options }).$latchkey().baseURL
    expect(audience({ baseURL: 'https://a.example' })).toBe('https://a.example/api/auth')
    expect(audience({ baseURL: 'https://a.example/' })).toBe('https://a.example/api/auth')
    expect(audience({ baseURL: 'https://a.example/auth/' })).toBe('https://a.example/auth')
    expect(audience({ baseURL: 'https://a.example', basePath: '/identity' })).toBe('https://a.example/identity')
  })
})
