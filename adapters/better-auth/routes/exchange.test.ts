import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BetterAuthOptions } from 'better-auth'
import { bearer } from 'better-auth/plugins'
import { Hono } from 'hono'
import { jwk } from 'hono/jwk'
import type { HonoJsonWebKey } from 'hono/utils/jwt/jws'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  AUDIENCE as EXTERNAL_AUDIENCE,
  SUBJECT,
  type TestIssuer,
  startIssuer,
} from '../../../lib/server/external/issuer.testing.ts'
import { createExternalBinder, namespacedPrincipal } from '../../../lib/server.ts'
import { NOW } from '../../../lib/tokens/forge.testing.ts'
import { testDevice } from '../../../lib/testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import {
  type ExchangeOptions,
  type TokenAnswer,
  betterAuthBindingStore,
  createBetterAuthResolver,
  latchkey,
  latchkeyJwt,
} from '../index.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { type Person, newPerson, post } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestBrowser, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')
const API = 'https://api.example'
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const PROOF = 'urn:latchkey:params:oauth:token-type:proof'
const SESSION = 'urn:latchkey:params:oauth:token-type:session'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

type Parameters = Record<string, unknown>

const form = (parameters: Parameters): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(parameters as Record<string, string>),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
})

function exchange(
  browser: TestBrowser,
  parameters: Parameters,
  headers: Record<string, string> = {},
): Promise<Response> {
  return browser.send('/latchkey/token', post({ grant_type: GRANT, audience: API, ...parameters }, headers))
}

async function byDevice(
  { browser, device }: Person,
  more: Parameters = {},
  purpose: 'exchange' | 'upgrade' = 'exchange',
): Promise<Response> {
  return exchange(browser, {
    subject_token_type: PROOF,
    subject_token: await device.proof({ audience: AUDIENCE, purpose }),
    ...more,
  })
}

const bySession = ({ browser }: Person, more: Parameters = {}): Promise<Response> =>
  exchange(browser, { subject_token_type: SESSION, ...more })

const answerOf = async (response: Response): Promise<TokenAnswer> => (await response.json()) as TokenAnswer
const claimsOf = async (response: Response) => decodeJwt((await answerOf(response)).access_token)

async function expectRefused(response: Response, error: string, code?: string): Promise<void> {
  const body = (await response.json()) as Record<string, string>
  expect([response.status, body['error'], body['code']]).toEqual([400, error, code ?? error.toUpperCase()])
  expect(body['error_description']).toEqual(expect.any(String))
  expect(response.headers.get('cache-control')).toContain('no-store')
}

const exchanging = (options: Partial<ExchangeOptions> = {}, clock?: () => number): Partial<BetterAuthOptions> => ({
  plugins: [
    latchkey({ exchange: { audiences: [API], ...options }, ...(clock && { clock }) }),
    latchkeyJwt({ jwks: { keyPairConfigs: [{ alg: 'RS256' }, { alg: 'ES256' }] } }),
    bearer(),
  ],
})

const opened: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

async function issuer(): Promise<TestIssuer> {
  const started = await startIssuer()
  opened.push(started)
  return started
}

onEachEngine((newServer) => {
  const scene = async (options?: Partial<ExchangeOptions>) => {
    const server = await newServer(exchanging(options))
    return { server, one: await newPerson(server) }
  }

  const signedUp = async (options?: Partial<ExchangeOptions>) => {
    const { server, one } = await scene(options)
    await one.prove('/sign-up/email', ada)
    await one.session()
    return { server, one }
  }

  describe('a device', () => {
    test('deletes used proofs in time, even on a server that gets nothing but exchanges', async () => {
      const { server, one } = await scene()
      await server.adapter.create({ model: 'latchkeyProof', data: { jti: 'old', until: new Date(0) } })
      expect((await byDevice(one)).status).toBe(200)
      const kept = await server.rows('latchkeyProof')
      expect(kept.map(({ jti }) => jti)).toEqual([expect.stringMatching(/^[\w-]{22}$/)])
    })

    test('gets a token for its principal, once for each proof', async () => {
      const { one } = await scene()
      const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
      const response = await exchange(one.browser, { subject_token_type: PROOF, subject_token: proof })
      expect(response.status).toBe(200)
      expect(response.headers.get('cache-control')).toContain('no-store')
      expect(response.headers.get('pragma')).toBe('no-cache')
      const answer = await answerOf(response)
      expect(answer).toEqual({
        access_token: expect.any(String),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: 900,
        now: expect.any(Number),
      })
      const { iat, ...claims } = decodeJwt(answer.access_token)
      expect(claims).toEqual({
        iss: ORIGIN,
        sub: one.device.principal,
        aud: API,
        exp: iat! + 900,
        jti: expect.any(String),
        auth_mode: 'local-first',
        aliases: [],
        principals_tag: expect.stringMatching(/^[\w-]{43}$/),
      })
      expect(decodeProtectedHeader(answer.access_token)).toEqual({
        typ: 'at+jwt',
        alg: 'EdDSA',
        kid: expect.any(String),
      })
      await expectRefused(
        await exchange(one.browser, { subject_token_type: PROOF, subject_token: proof }),
        'invalid_request',
        'PROOF_REPLAYED',
      )
    })

    test('that sends one proof five times at once gets one token', async () => {
      const { one } = await scene()
      const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
      const answers = await Promise.all(
        [1, 2, 3, 4, 5].map(() => exchange(one.browser, { subject_token_type: PROOF, subject_token: proof })),
      )
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400])
    })

    test('of an account that cannot be recovered yet still gets one; of one that can, none', async () => {
      const { server, one } = await signedUp()
      expect((await byDevice(one)).status).toBe(200)
      await server.change('user', { emailVerified: true })
      const refused = await byDevice(one)
      expect(await refused.clone().json()).toMatchObject({ state: 'disabled' })
      await expectRefused(refused, 'invalid_request', 'PRINCIPAL_DISABLED')
    })

    test('whose principal is an alias, or retired, gets none', async () => {
      const { server, one } = await signedUp()
      const two = await elsewhere(server, ada)
      await link(two, two.device)
      expect((await byDevice(two)).status).toBe(200)
      await server.change('user', { emailVerified: true })
      await expectRefused(await byDevice(two), 'invalid_request', 'PRINCIPAL_DISABLED')
      await server.adapter.deleteMany({ model: 'user', where: [] })
      await expectRefused(await byDevice(one), 'invalid_request', 'PRINCIPAL_DISABLED')
    })
  })

  describe('a device whose alias was given up', () => {
    test('gets a token of its own again, unless its key was revoked before', async () => {
      const { server, one } = await signedUp()
      const [two, three] = [await elsewhere(server, ada), await elsewhere(server, ada)]
      for (const each of [two, three]) await link(each, each.device)
      await server.change('user', { emailVerified: true })
      expect(
        (await one.browser.send('/latchkey/keys/revoke', post({ thumbprint: three.device.thumbprint }))).status,
      ).toBe(200)
      for (const { device } of [two, three]) expect((await unlink(one, device.principal)).status).toBe(200)
      expect(await claimsOf(await byDevice(two))).toMatchObject({
        sub: two.device.principal,
        auth_mode: 'local-first',
        aliases: [],
        principals_tag: expect.stringMatching(/^[\w-]{43}$/),
      })
      await expectRefused(await byDevice(three), 'invalid_request', 'PRINCIPAL_DISABLED')
    })
  })

  describe('a session', () => {
    test('gets a token for the account, with its aliases, by cookie and by bearer', async () => {
      const { server, one } = await signedUp()
      const two = await elsewhere(server, ada)
      await link(two, two.device)
      for (const each of [one, two])
        expect(await claimsOf(await bySession(each))).toMatchObject({
          sub: one.device.principal,
          aliases: [two.device.principal],
          auth_mode: 'external',
          aud: API,
        })
      const signedIn = await server.browser().send('/sign-in/email', post(ada))
      const authorization = `Bearer ${signedIn.headers.get('set-auth-token')}`
      expect(
        await claimsOf(await exchange(server.browser(), { subject_token_type: SESSION }, { authorization })),
      ).toMatchObject({ sub: one.device.principal })
    })

    test('fixes an open account', async () => {
      const { server, one } = await scene()
      await one.browser.send('/sign-up/email', post(ada))
      const { sub } = await claimsOf(await bySession(one))
      const [user] = await server.rows('user')
      expect(user).toMatchObject({ id: sub, principalOpen: false })
    })

    test('that has ended, or does not exist, gets none', async () => {
      const { server, one } = await signedUp()
      await expectRefused(await bySession(await newPerson(server)), 'invalid_request', 'SESSION_MISSING')
      await server.change('session', { expiresAt: new Date(Date.now() - 1000) })
      await expectRefused(await bySession(one), 'invalid_request', 'SESSION_MISSING')
    })

    test('gets none that outlasts it', async () => {
      const server = await newServer({ ...exchanging(), session: { disableSessionRefresh: true } })
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      const expiresAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 100_000)
      await server.change('session', { expiresAt })
      expect((await claimsOf(await bySession(one))).exp).toBe(expiresAt.getTime() / 1000)
    })
  })

  describe("another provider's JWT", () => {
    const withIssuer = async () => {
      const provider = await issuer()
      const issuers = [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: EXTERNAL_AUDIENCE }]
      const server = await newServer(exchanging({ issuers }, () => NOW * 1000))
      return {
        provider,
        server,
        by: async (token: string) => exchange(server.browser(), { subject_token_type: JWT, subject_token: token }),
      }
    }

    test('gives a token for an id that is always the same, and does not outlast it', async () => {
      const { provider, by } = await withIssuer()
      const principal = await namespacedPrincipal(provider.issuer, SUBJECT)
      expect(await claimsOf(await by(await provider.sign()))).toMatchObject({
        sub: principal,
        auth_mode: 'external',
        aliases: [],
        iat: NOW,
        exp: NOW + 300,
      })
      expect(await claimsOf(await by(await provider.sign({ exp: NOW + 9000 }, { alg: 'ES256' })))).toMatchObject({
        sub: principal,
        exp: NOW + 900,
      })
      expect(await claimsOf(await by(await provider.sign({ sub: 'another' })))).not.toMatchObject({ sub: principal })
    })

    test('gives a token that the resolver beside it accepts', async () => {
      const { provider, server, by } = await withIssuer()
      const resolver = createBetterAuthResolver(server.auth, { audience: API, clock: () => NOW * 1000 })
      const { access_token: token } = await answerOf(await by(await provider.sign()))
      const principal = await namespacedPrincipal(provider.issuer, SUBJECT)
      expect(await resolver.resolve({ authorization: `Bearer ${token}` })).toMatchObject({
        session: { authMode: 'external', principal, principals: [principal] },
      })
    })

    test("gives a token for the device's principal that its account was bound to, and the device none of its own any more", async () => {
      const { provider, server, by } = await withIssuer()
      const one = await newPerson(server)
      const issuers = [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: EXTERNAL_AUDIENCE }]
      const store = betterAuthBindingStore(server.auth, () => NOW * 1000)
      const binder = createExternalBinder({
        issuers,
        store,
        audience: AUDIENCE,
        secret: 'a secret of at least thirty-two characters',
        clock: () => NOW * 1000,
      })
      const bind = async (token: string): Promise<unknown> => {
        const { nonce } = await binder.challenge(token)
        return binder.bindExternal({
          token,
          nonce,
          proof: await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce, now: NOW }),
        })
      }
      await bind(await provider.sign())
      expect(await claimsOf(await by(await provider.sign()))).toMatchObject({
        sub: one.device.principal,
        auth_mode: 'external',
        aliases: [],
      })
      const subject_token = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange', now: NOW })
      await expectRefused(
        await exchange(one.browser, { subject_token_type: PROOF, subject_token }),
        'invalid_request',
        'PRINCIPAL_DISABLED',
      )
      // The other way round: who was asked about first keeps the id of its own.
      const { sub } = await claimsOf(await by(await provider.sign({ sub: 'another' })))
      await expect(bind(await provider.sign({ sub: 'another' }))).rejects.toMatchObject({ code: 'PRINCIPAL_FIXED' })
      expect(await claimsOf(await by(await provider.sign({ sub: 'another' })))).toMatchObject({ sub })
    })

    test('of an admin who impersonates the user names the admin, and fixes no principal', async () => {
      const { provider, server, by } = await withIssuer()
      const act = { sub: 'user_boss' }
      await expectRefused(await by(await provider.sign({ act })), 'invalid_request', 'ACCOUNT_OPEN')
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
      const { sub } = await claimsOf(await by(await provider.sign()))
      expect(await claimsOf(await by(await provider.sign({ act })))).toMatchObject({
        sub,
        act: { sub: await namespacedPrincipal(provider.issuer, 'user_boss') },
      })
      await expectRefused(await by(await provider.sign({ act: {} })), 'invalid_request', 'TOKEN_CLAIM_INVALID')
    })

    test('of an admin who impersonates the user fixes no principal at the resolver', async () => {
      const { provider, server } = await withIssuer()
      const external = [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: EXTERNAL_AUDIENCE }]
      const resolver = createBetterAuthResolver(server.auth, { external, clock: () => NOW * 1000 })
      const ask = async (act?: object) =>
        resolver.resolve({ authorization: `Bearer ${await provider.sign(act && { act })}` })
      expect(await ask({ sub: 'user_boss' })).toMatchObject({ ok: false, reason: 'ACCOUNT_OPEN' })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
      const principal = await namespacedPrincipal(provider.issuer, SUBJECT)
      expect(await ask()).toMatchObject({ session: { principal } })
      expect(await ask({ sub: 'user_boss' })).toMatchObject({ session: { principal } })
    })

    const refused: Record<string, [(provider: TestIssuer) => Promise<string>, string]> = {
      'for another audience': [
        (provider) => provider.sign({ aud: 'https://other.example' }),
        'TOKEN_AUDIENCE_MISMATCH',
      ],
      'that is over': [(provider) => provider.sign({ exp: NOW }), 'TOKEN_EXPIRED'],
      'of another issuer': [(provider) => provider.sign({ iss: 'https://evil.example' }), 'ISSUER_UNKNOWN'],
      'signed by another key': [
        async (provider) => provider.sign({}, {}, (await issuer()).keys.RS256.privateKey),
        'TOKEN_SIGNATURE_INVALID',
      ],
      'of a user whom the provider calls anonymous': [
        (provider) => provider.sign({ is_anonymous: true }),
        'TOKEN_NOT_AN_ACCOUNT',
      ],
      'without a subject': [(provider) => provider.sign({ sub: '' }), 'TOKEN_CLAIM_INVALID'],
      'that is a local-first token': [
        async () => (await testDevice()).token({ audience: EXTERNAL_AUDIENCE, now: NOW }),
        'ISSUER_UNKNOWN',
      ],
    }
    for (const [name, [make, code]] of Object.entries(refused)) {
      test(`${name} gives none`, async () => {
        const { provider, server, by } = await withIssuer()
        await expectRefused(await by(await make(provider)), 'invalid_request', code)
        expect(await server.rows('latchkeyPrincipal')).toEqual([])
      })
    }

    test('is not judged while the provider cannot be reached', async () => {
      const { provider, by } = await withIssuer()
      provider.answerWith((_, response) => void response.writeHead(500).end())
      const answer = await by(await provider.sign())
      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
        503,
        'temporarily_unavailable',
      ])
    })
  })

  test('a forged token reaches no table', async () => {
    const { server, one } = await scene()
    // The plugin examines the database once.
    await one.browser.send('/latchkey/session')
    const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
    const before = server.statements.length
    const tampered = `${proof.slice(0, -4)}${proof.at(-4) === 'A' ? 'B' : 'A'}${proof.slice(-3)}`
    for (const subject of [tampered, 'x', 'a.b.c', await one.device.token({ audience: AUDIENCE })]) {
      expect((await exchange(one.browser, { subject_token_type: PROOF, subject_token: subject })).status).toBe(400)
      expect((await exchange(one.browser, { subject_token_type: JWT, subject_token: subject })).status).toBe(400)
    }
    await byDevice(one, { audience: 'https://evil.example' })
    expect(server.statements.slice(before)).toEqual([])
  })

  test('its own output is not accepted, whatever type it is declared as', async () => {
    const { one } = await signedUp()
    const { access_token: own } = await answerOf(await bySession(one))
    const { token: jwt } = (await (await one.browser.send('/token')).json()) as { token: string }
    for (const token of [own, jwt]) {
      await expectRefused(
        await exchange(one.browser, { subject_token_type: JWT, subject_token: token }),
        'invalid_request',
        'ISSUER_UNKNOWN',
      )
      await expectRefused(
        await exchange(one.browser, { subject_token_type: PROOF, subject_token: token }),
        'invalid_request',
        'TOKEN_TYPE_UNEXPECTED',
      )
    }
  })
})

describe('the request', () => {
  const device = async (options?: Partial<ExchangeOptions>) => newPerson(await testServer(exchanging(options)))

  test('can be a form, as standard clients send it', async () => {
    const one = await device()
    const subject_token = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
    const response = await one.browser.send(
      '/latchkey/token',
      form({ grant_type: GRANT, audience: API, subject_token_type: PROOF, subject_token, requested_token_type: JWT }),
    )
    expect(await claimsOf(response)).toMatchObject({ sub: one.device.principal })
  })

  test('with a duplicate parameter is refused', async () => {
    const one = await device()
    const subject_token = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
    const body = `${new URLSearchParams({ grant_type: GRANT, audience: API, subject_token_type: PROOF, subject_token })}&audience=${encodeURIComponent(API)}`
    await expectRefused(
      await one.browser.send('/latchkey/token', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      'invalid_request',
    )
  })

  test('without an audience means the only one there is', async () => {
    expect(await claimsOf(await byDevice(await device(), { audience: undefined }))).toMatchObject({ aud: API })
    await expectRefused(
      await byDevice(await device({ audiences: [API, 'https://sync.example'] }), { audience: undefined }),
      'invalid_request',
    )
  })

  const refused: Record<string, [Parameters, string, string?]> = {
    'another grant': [{ grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    'no grant': [{ grant_type: undefined }, 'unsupported_grant_type'],
    'an audience that is not on the list': [{ audience: 'https://evil.example' }, 'invalid_target'],
    'two audiences': [{ audience: [API, API] }, 'invalid_request'],
    'a resource': [{ resource: API }, 'invalid_target'],
    'a scope': [{ scope: 'admin' }, 'invalid_scope'],
    'an actor': [{ actor_token: 'x' }, 'invalid_request'],
    'another type of token': [
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
    ],
    'no subject token': [{ subject_token: undefined }, 'invalid_request'],
    'a subject token of no type': [{ subject_token_type: undefined }, 'invalid_request'],
    'a subject token of a type that is a member of every object': [
      { subject_token_type: 'constructor' },
      'invalid_request',
    ],
    'a subject token with a session': [{ subject_token_type: SESSION }, 'invalid_request'],
  }
  for (const [name, [parameters, error, code]] of Object.entries(refused)) {
    test(`with ${name} is refused`, async () => {
      await expectRefused(await byDevice(await device(), parameters), error, code)
    })
  }

  test('with a proof for another operation, another server or a linked account is refused', async () => {
    const one = await device()
    await expectRefused(await byDevice(one, {}, 'upgrade'), 'invalid_request', 'PROOF_PURPOSE_MISMATCH')
    const elsewhere = await one.device.proof({ audience: 'https://evil.example/api/auth', purpose: 'exchange' })
    await expectRefused(
      await exchange(one.browser, { subject_token_type: PROOF, subject_token: elsewhere }),
      'invalid_request',
      'TOKEN_AUDIENCE_MISMATCH',
    )
    const token = await one.device.token({ audience: AUDIENCE })
    await expectRefused(
      await exchange(one.browser, { subject_token_type: PROOF, subject_token: token }),
      'invalid_request',
      'TOKEN_TYPE_UNEXPECTED',
    )
  })

  test('with a body of another type, or one that is too long, is refused', async () => {
    const one = await device()
    expect(
      (
        await one.browser.send('/latchkey/token', {
          method: 'POST',
          body: 'x',
          headers: { 'content-type': 'text/plain' },
        })
      ).status,
    ).toBe(415)
    expect((await byDevice(one, { audience: 'x'.repeat(20_000) })).status).toBe(413)
  })

  test('finds nothing where the exchange is not switched on', async () => {
    const one = await newPerson(await testServer())
    expect((await byDevice(one)).status).toBe(404)
    expect((await one.browser.send('/.well-known/oauth-authorization-server')).status).toBe(404)
  })
})

describe('the token', () => {
  test("has the app's claims, which replace none of Latchkey's (checklist 22: custom claims)", async () => {
    const asked: unknown[] = []
    const claims: ExchangeOptions['claims'] = (subject) => {
      asked.push(subject)
      return {
        role: 'editor',
        sub: 'eve',
        iss: 'eve',
        aud: 'eve',
        exp: 9_999_999_999,
        iat: 1,
        nbf: 9_999_999_999,
        jti: 'x',
        auth_mode: 'external',
        aliases: ['eve'],
        principals_tag: 'eve',
      }
    }
    const one = await newPerson(await testServer(exchanging({ claims })))
    const made = await claimsOf(await byDevice(one))
    expect(made).toMatchObject({
      role: 'editor',
      sub: one.device.principal,
      iss: ORIGIN,
      aud: API,
      auth_mode: 'local-first',
      aliases: [],
      principals_tag: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(made.exp! - made.iat!).toBe(900)
    expect([made['nbf'], made.jti]).toEqual([undefined, expect.stringMatching(/^[\da-f-]{36}$/)])
    expect(asked).toEqual([
      {
        principal: one.device.principal,
        aliases: [],
        authMode: 'local-first',
        accountId: null,
        actor: null,
        external: null,
        audience: API,
      },
    ])
  })

  for (const name of [
    'client_id',
    'azp',
    'scope',
    'scp',
    'act',
    'may_act',
    'cnf',
    'is_anonymous',
    'sub_jwk',
    'delegation',
  ])
    test(`is not issued where the app's claims have the reserved name ${name}, and the log says which one`, async () => {
      const faults = vi.spyOn(console, 'error').mockImplementation(() => {})
      const one = await newPerson(await testServer(exchanging({ claims: () => ({ [name]: 'notes-web' }) })))
      expect((await byDevice(one)).status).toBe(500)
      expect(JSON.stringify(faults.mock.calls.flat().map(String))).toContain(`exchange.claims: ${name} is reserved`)
      faults.mockRestore()
    })

  for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
    test(`is signed by ${algorithm}, and verified by a standard client that starts at the discovery document`, async () => {
      const server = await testServer(exchanging({ algorithm }))
      const one = await newPerson(server)
      const { access_token: token } = await answerOf(await byDevice(one))
      expect(decodeProtectedHeader(token)).toMatchObject({ alg: algorithm, typ: 'at+jwt' })
      const base = await listen(server)
      const metadata = (await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json()) as Record<
        string,
        string
      >
      expect(metadata).toMatchObject({
        issuer: ORIGIN,
        jwks_uri: `${AUDIENCE}/jwks`,
        token_endpoint: `${AUDIENCE}/latchkey/token`,
        grant_types_supported: [GRANT],
      })
      const keys = createRemoteJWKSet(new URL(metadata['jwks_uri']!.replace(AUDIENCE, base)))
      const { payload } = await jwtVerify(token, keys, {
        issuer: metadata['issuer']!,
        audience: API,
        typ: 'at+jwt',
        algorithms: [algorithm],
      })
      expect(payload.sub).toBe(one.device.principal)
    })
  }

  test('is refused by a middleware that does not accept `at+jwt`, and accepted if the app chose `JWT`', async () => {
    const statusOf = async (type?: 'at+jwt' | 'JWT'): Promise<number> => {
      const server = await testServer(exchanging({ algorithm: 'ES256', ...(type && { type }) }))
      const { access_token: token } = await answerOf(await byDevice(await newPerson(server)))
      expect(decodeProtectedHeader(token).typ).toBe(type ?? 'at+jwt')
      const { keys } = (await (await server.browser().send('/jwks')).json()) as { keys: HonoJsonWebKey[] }
      const app = new Hono()
      app.use(jwk({ keys, alg: ['ES256'], verification: { iss: ORIGIN, aud: API } }))
      app.get('/', (context) => context.text('welcome'))
      return (await app.request('/', { headers: { authorization: `Bearer ${token}` } })).status
    }
    expect([await statusOf(), await statusOf('at+jwt'), await statusOf('JWT')]).toEqual([401, 401, 200])
  })

  test('names the client that RFC 9068 asks for where the app has a name for it', async () => {
    const { client_id: none } = await claimsOf(await byDevice(await newPerson(await testServer(exchanging()))))
    expect(none).toBeUndefined()
    const server = await testServer(exchanging({ clientId: 'notes-web' }))
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    for (const answer of [await byDevice(one), await bySession(one)])
      expect(await claimsOf(answer)).toMatchObject({ client_id: 'notes-web', sub: one.device.principal })
  })

  test('requested for the first time ten times at once is signed by one key', async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    const answers = await Promise.all(Array.from({ length: 10 }, () => byDevice(one)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(await server.rows('jwks')).toHaveLength(1)
  })

  test('lasts as long as configured', async () => {
    const one = await newPerson(await testServer(exchanging({ lifetime: 120 })))
    expect(await answerOf(await byDevice(one))).toMatchObject({ expires_in: 120 })
  })

  test('needs how many statements', async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    await byDevice(one)
    const before = server.statements.length
    await byDevice(one)
    expect(server.statements.length - before).toBeLessThanOrEqual(5)
    console.warn(`a device's exchange: ${server.statements.length - before} statements`)
  })
})

describe('limits', () => {
  test('in total, for all clients together', async () => {
    let now = Date.now()
    const server = await testServer(exchanging({ limit: 2 }, () => now))
    const ask = async () => {
      const one = await newPerson(server)
      return exchange(one.browser, {
        subject_token_type: PROOF,
        subject_token: await one.device.proof({ audience: AUDIENCE, purpose: 'exchange', now: now / 1000 }),
      })
    }
    const answers = [await ask(), await ask(), await ask()]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers[2]!.headers.get('retry-after')).toBe('60')
    now += 60_000
    expect((await ask()).status).toBe(200)
  })

  test('in total, separately for devices and accounts: a flood of new devices does not use up the limit of accounts', async () => {
    const now = Date.now()
    const server = await testServer(exchanging({ limit: 2 }, () => now))
    const member = await newPerson(server)
    await member.prove('/sign-up/email', ada)
    const statuses = async (ask: () => Promise<Response>): Promise<number[]> => {
      const answers = [await ask(), await ask(), await ask()]
      return answers.map(({ status }) => status)
    }
    const byNewDevice = async (): Promise<Response> => {
      const { browser, device } = await newPerson(server)
      const subject_token = await device.proof({ audience: AUDIENCE, purpose: 'exchange', now: now / 1000 })
      return exchange(browser, { subject_token_type: PROOF, subject_token })
    }
    expect(await statuses(byNewDevice)).toEqual([200, 200, 429])
    expect(await statuses(() => bySession(member))).toEqual([200, 200, 429])
  })

  test('per address', async () => {
    const one = await newPerson(
      await testServer({
        ...exchanging(),
        rateLimit: { enabled: true },
        advanced: { disableOriginCheck: false, ipAddress: { ipAddressHeaders: ['x-real-ip'] } },
      }),
    )
    const ask = (address: string): Promise<Response> =>
      exchange(one.browser, { grant_type: 'none' }, { 'x-real-ip': address })
    const statuses = []
    for (let count = 0; count < 61; count++) statuses.push((await ask('192.0.2.1')).status)
    expect(statuses.filter((status) => status === 400)).toHaveLength(60)
    expect(statuses.at(-1)).toBe(429)
    expect((await ask('192.0.2.2')).status).toBe(400)
  })
})

describe('options', () => {
  const start = (options: Partial<ExchangeOptions>, plugins = [latchkeyJwt()]) =>
    testServer({ plugins: [latchkey({ exchange: { audiences: [API], ...options } }), ...plugins] })
  const wrong: Record<string, Partial<ExchangeOptions>> = {
    'no audience': { audiences: [] },
    'an empty audience': { audiences: [''] },
    'a lifetime over fifteen minutes': { lifetime: 901 },
    'no lifetime': { lifetime: 0 },
    'no tokens': { limit: 0 },
    'a type of another kind of token': { type: 'logout+jwt' as 'JWT' },
    'an empty client': { clientId: '' },
    'an algorithm without a key pair': { algorithm: 'RS256' },
    'an issuer twice': {
      issuers: [1, 2].map(() => ({ issuer: 'https://id.example', jwksUrl: 'https://id.example/jwks' })),
    },
  }
  for (const [name, options] of Object.entries(wrong)) {
    test(`${name} is a mistake`, async () => {
      await expect(start(options)).rejects.toThrow(TypeError)
    })
  }

  test('without the jwt plugin is a mistake', async () => {
    await expect(start({}, [])).rejects.toThrow(/latchkeyJwt/)
  })
})

/** Serves a Better Auth on loopback. @returns its base URL there */
async function listen({ handler }: TestServer): Promise<string> {
  const server = createServer(async (request, response) => {
    const answer = await handler(new Request(`${ORIGIN}${request.url}`))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: () => new Promise((resolve) => void server.close(resolve)) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/auth`
}
