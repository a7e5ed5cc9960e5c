import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Auth, type AuthOptions, createAuth, memoryStore } from '../../lib/index.ts'
import { createBinderHandler, createExternalBinder, memoryBindingStore, namespacedPrincipal } from '../../lib/server.ts'
import { accountAcceptance } from '../../lib/testing.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { tokenAccount } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

const SERVER = 'https://notes.example/identity'
const APP = 'https://notes.example'
let issuer: TestIssuer

beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())

/** What the token of each provider looks like, and what the server expects of it. */
const PROVIDERS = {
  // https://clerk.com/docs/backend-requests/resources/session-tokens
  Clerk: { claims: { azp: APP, sid: 'sess_1', sub: 'user_ada', v: 2 }, options: { authorizedParties: [APP] } },
  // https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
  Auth0: {
    claims: {
      aud: ['https://api.notes.example', 'https://notes.eu.auth0.com/userinfo'],
      azp: 'client',
      scope: 'openid',
      sub: 'auth0|ada',
    },
    options: { audience: 'https://api.notes.example' },
  },
  // https://supabase.com/docs/guides/auth/jwt-fields
  Supabase: {
    claims: {
      aud: 'authenticated',
      role: 'authenticated',
      aal: 'aal1',
      session_id: 's-1',
      email: 'ada@example.com',
      is_anonymous: false,
      sub: 'b0c1a2d3-0000-4000-8000-000000000001',
    },
    options: { audience: 'authenticated' },
  },
  // https://firebase.google.com/docs/auth/admin/verify-id-tokens
  Firebase: {
    claims: { aud: 'notes-project', auth_time: Math.floor(Date.now() / 1000), user_id: 'ada', sub: 'ada' },
    options: { audience: 'notes-project' },
  },
  // https://workos.com/docs/reference/authkit/session-tokens/access-token
  WorkOS: {
    claims: { sid: 'session_01', org_id: 'org_01', role: 'member', permissions: [], sub: 'user_01' },
    options: {},
  },
} as const

/** A provider's client: a user signs in and out, and it gives tokens. */
function world(claims: object = PROVIDERS.WorkOS.claims, options: object = {}, more: object = {}, sender: object = {}) {
  const binder = createExternalBinder({
    issuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, ...options }],
    store: memoryBindingStore(),
    audience: SERVER,
    secret: 'a secret of at least thirty-two characters',
  })
  const handle = createBinderHandler({ binder, ...more })
  const requests: Request[] = []
  const provider = { signedIn: null as object | null, online: true, sessions: 0 }
  const signIn = (more: object = {}) =>
    void (provider.signedIn = { ...claims, ...more, sid: `session-${++provider.sessions}` })
  const getToken = () =>
    provider.signedIn
      ? issuer.sign({
          iat: Math.floor(Date.now() / 1000),
          exp: Math.floor(Date.now() / 1000) + 300,
          ...provider.signedIn,
        } as never)
      : null
  const network: typeof fetch = async (input, init) => {
    if (!provider.online) throw new TypeError('fetch failed')
    const request = new Request(input, init)
    requests.push(request.clone())
    return handle(request)
  }
  const account = tokenAccount({
    getToken,
    signOut: () => void (provider.signedIn = null),
    server: `${SERVER}/`,
    fetch: network,
    ...sender,
  })
  const load = async (more: AuthOptions = {}): Promise<Auth> => {
    const auth = createAuth({ account, keystore: memoryStore(), audience: APP, harden: 'never', ...more })
    await auth.ready
    return auth
  }
  return { provider, signIn, account, load, requests, handle }
}

describe.each(Object.entries(PROVIDERS))('%s', (_name, { claims, options }) => {
  test('upgrades a device: the same principal, and its own tokens', async () => {
    const { signIn, load } = world(claims, options)
    const auth = await load()
    const { principal } = auth.getState().session!
    expect(await auth.upgrade(() => signIn())).toMatchObject({
      outcome: 'upgraded',
      session: { principal, authMode: 'external' },
    })
    const [, payload] = (await auth.getToken())!.split('.')
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({ sub: claims.sub })
  })
})

describe('an account of another provider', () => {
  test('keeps the principal it was bound to, on every device', async () => {
    const { signIn, provider, load } = world()
    const one = await load()
    await one.upgrade(() => signIn())
    await one.signOut()
    await vi.waitFor(() => expect(provider.signedIn).toBeNull(), { timeout: 30_000 })
    const two = await load()
    expect(await two.upgrade(() => signIn())).toMatchObject({
      outcome: 'switched',
      session: { principal: expect.any(String) },
    })
    const three = await load()
    await three.markWritten()
    signIn()
    expect(await three.upgrade(() => signIn())).toMatchObject({ outcome: 'conflict' })
  })

  test('sends its token in tokenHeader, where a gateway occupies Authorization', async () => {
    const option = { tokenHeader: 'X-Notes-Authorization' }
    const { signIn, load, requests } = world(PROVIDERS.WorkOS.claims, {}, option, option)
    const auth = await load()
    expect(await auth.upgrade(() => signIn())).toMatchObject({ outcome: 'upgraded' })
    for (const { headers } of requests) expect(headers.get('authorization')).toBeNull()
    expect(requests.at(-1)!.headers.get('x-notes-authorization')).toMatch(/^Bearer ./)
    expect(() => world(PROVIDERS.WorkOS.claims, {}, { tokenHeader: 'cookie' })).toThrow('tokenHeader')
  })

  test('that was used without a device before has its own id as principal', async () => {
    const { signIn, load, account } = world()
    signIn()
    const { principal } = (await account.getSession())!
    expect(principal).toBe(await namespacedPrincipal(issuer.issuer, PROVIDERS.WorkOS.claims.sub))
    const auth = await load()
    expect(await auth.upgrade(() => signIn())).toMatchObject({ outcome: 'switched', session: { principal } })
  })

  test("signed in as before the upgrade waits for the user's confirmation", async () => {
    const { signIn, load } = world()
    const auth = await load()
    await auth.markWritten()
    signIn()
    expect(await auth.upgrade(() => {})).toMatchObject({
      outcome: 'pending',
      account: { accountId: expect.stringContaining('user_01') },
    })
  })

  test('whose token now belongs to another user is refused', async () => {
    const { signIn, load } = world()
    const auth = await load()
    await auth.upgrade(() => signIn())
    signIn({ sub: 'eve' })
    await expect(auth.getToken({ fresh: true })).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(auth.getState()).toMatchObject({ error: 'invalid', session: { authMode: 'external' } })
  })

  test('whose client caches tokens: one is used only until it expires', async () => {
    const { signIn, load, provider } = world()
    let passed = 0
    const auth = await load({ clock: () => Date.now() + passed })
    const now = Math.floor(Date.now() / 1000)
    await auth.upgrade(() => signIn({ iat: now - 240, exp: now + 60 }))
    expect(decodeJwt((await auth.getToken())!)).toMatchObject({ exp: now + 60 })
    passed = 61_000
    provider.signedIn = { ...provider.signedIn, iat: now, exp: now + 300 }
    expect(decodeJwt((await auth.getToken())!)).toMatchObject({ exp: now + 300 })
  })

  test('whose tokens all look expired, under a clock that is wrong: one is used while it lasts', async () => {
    const { signIn, load, provider } = world()
    const options = { keystore: memoryStore(), clock: () => Date.now() + 3_600_000 }
    await (await load(options)).upgrade(() => signIn())
    // A correction of the clock is forgotten at a reload.
    const auth = await load(options)
    const token = await auth.getToken()
    provider.signedIn = { ...provider.signedIn, jti: 'another' }
    expect(await auth.getToken()).toBe(token)
  })

  test('that cannot be reached is not signed out', async () => {
    const { signIn, load, provider, account } = world()
    const auth = await load()
    await auth.upgrade(() => signIn())
    provider.online = false
    await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(auth.upgrade(() => signIn())).resolves.toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(auth.getState()).toMatchObject({ authMode: 'external' })
  })

  test('of a user whom the provider calls anonymous is none', async () => {
    const { signIn, load } = world(PROVIDERS.Supabase.claims, PROVIDERS.Supabase.options)
    const auth = await load()
    const before = auth.getState().session
    expect(await auth.upgrade(() => signIn({ is_anonymous: true }))).toMatchObject({ outcome: 'pending' })
    expect(auth.getState().session).toEqual(before)
  })

  test('sends its token to the server alone, never in an address, and no cookie', async () => {
    const { signIn, load, requests } = world()
    await (await load()).upgrade(() => signIn())
    expect(requests.length).toBeGreaterThan(2)
    for (const { url, credentials, redirect } of requests) {
      expect(url.startsWith(`${SERVER}/`)).toBe(true)
      expect(url).not.toContain('ey')
      expect([credentials, redirect]).toEqual(['omit', 'error'])
    }
  })

  test('that the provider refuses is a failure with its error', async () => {
    const { load } = world()
    const auth = await load()
    const cause = new Error('popup closed')
    const result = await auth.upgrade(() => Promise.reject(cause))
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'PROVIDER_REFUSED', cause } })
  })
})

describe('the handler', () => {
  const post = (path: string, body: unknown, token?: string) =>
    new Request(`${SERVER}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })

  test('refuses what it does not know', async () => {
    const { handle } = world()
    const token = await issuer.sign({ ...PROVIDERS.WorkOS.claims, exp: Math.floor(Date.now() / 1000) + 300 } as never)
    expect((await handle(post('/bind', {}, undefined))).status).toBe(401)
    expect((await handle(post('/bind', 'no json', token))).status).toBe(401)
    expect((await handle(post('/bind', { nonce: 'made up', proof: 'x' }, token))).status).toBe(401)
    expect((await handle(post('/bind', 'x'.repeat(20_000), token))).status).toBe(401)
    expect((await handle(post('/other', {}, token))).status).toBe(404)
    expect((await handle(post('/challenge', { purpose: 'bind' }, 'garbage'))).status).toBe(401)
  })

  test('answers at the path of the audience, and at no other path with the same ending', async () => {
    const { handle } = world()
    const statusAt = async (path: string) => (await handle(new Request(`https://notes.example${path}`))).status
    expect(await statusAt('/identity/session')).toBe(200)
    for (const path of [
      '/session',
      '/other/session',
      '/identity/other/session',
      '/identity//session',
      '/identity/session/',
    ])
      expect([path, await statusAt(path)]).toEqual([path, 404])
  })

  test('answers at the configured base path, behind a proxy that removes a part of the path', async () => {
    const { handle } = world(undefined, {}, { basePath: '/' })
    expect((await handle(new Request('http://10.0.0.1:8080/session'))).status).toBe(200)
    expect((await handle(new Request('http://10.0.0.1:8080/identity/session'))).status).toBe(404)
    expect(() => world(undefined, {}, { basePath: 'identity' })).toThrow('basePath')
  })

  test('refuses a body with a duplicate member, and one that ends early', async () => {
    const { handle } = world()
    const token = await issuer.sign({ ...PROVIDERS.WorkOS.claims, exp: Math.floor(Date.now() / 1000) + 300 } as never)
    const twice = await handle(post('/bind', '{"nonce":"a","proof":"x","proof":"y"}', token))
    expect(await twice.json()).toMatchObject({ code: 'TOKEN_MEMBER_DUPLICATE' })
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) })
    const request = new Request(`${SERVER}/bind`, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { authorization: `Bearer ${token}` },
    } as RequestInit)
    expect(await (await handle(request)).json()).toMatchObject({ code: 'TOKEN_MALFORMED' })
  })

  test('does not read a body that is too long to its end, whatever its declared length', async () => {
    let chunks = 0
    const body = new ReadableStream({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(1024).fill(0x20))
        // A reader without a limit would hang here.
        if (chunks === 1000) controller.close()
      },
    })
    const response = await world().handle(
      new Request(`${SERVER}/bind`, {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { authorization: 'Bearer x' },
      } as RequestInit),
    )
    expect([response.status, await response.json()]).toEqual([
      401,
      { code: 'TOKEN_TOO_LARGE', message: expect.any(String), now: expect.any(Number) },
    ])
    expect(chunks).toBeLessThan(24)
  })
})

describe('the acceptance suite of account providers', () => {
  const open = async () => {
    const { provider, account, signIn } = world()
    return {
      provider: account,
      signUp: () => signIn(),
      setOnline: (isOnline: boolean) => void (provider.online = isOnline),
    }
  }
  test.each(accountAcceptance(open))('$name', ({ run }) => run())
})

describe('a token that the server refuses', () => {
  // The session is the provider's: only its client says that there is none.
  const refused: Readonly<Record<string, [claims: object, options?: object]>> = {
    TOKEN_EXPIRED: [{ exp: Math.floor(Date.now() / 1000) - 3600, iat: Math.floor(Date.now() / 1000) - 7200 }],
    TOKEN_AUDIENCE_MISMATCH: [{ aud: 'another-app' }, { audience: 'notes' }],
    TOKEN_PARTY_MISMATCH: [{ azp: 'https://other.example' }, { authorizedParties: [APP] }],
  }
  test.each(Object.entries(refused))('with %s ends no session', async (code, [claims, options]) => {
    const { signIn, account } = world(PROVIDERS.WorkOS.claims, options)
    signIn(claims)
    await expect(account.getSession()).rejects.toMatchObject({ code })
  })

  test('leaves the account as it is, and is seen once it is accepted again', async () => {
    const { signIn, provider, load, account } = world()
    const auth = await load()
    await auth.upgrade(() => signIn())
    const { signedIn } = provider
    provider.signedIn = { ...signedIn, exp: 1_000_000, iat: 999_000 }
    await expect(account.getSession()).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
    expect(auth.getState()).toMatchObject({ authMode: 'external' })
    expect(auth.getState().error).toBeUndefined()
    provider.signedIn = signedIn
    expect(await account.getSession()).toMatchObject({ principal: auth.getState().session!.principal })
  })
})

describe('something in front of the server that answers everything', () => {
  const at = (answer: () => Response) =>
    tokenAccount({ getToken: () => 'token', signOut() {}, server: SERVER, fetch: async () => answer() })
  const page = '<!doctype html><title>Sign in to the hotel</title>'

  test('says nothing about the session', async () => {
    for (const status of [200, 401, 403]) {
      const account = at(() => new Response(page, { status }))
      await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.getTime!()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.bind!(async () => 'proof')).rejects.toMatchObject({ code: 'OFFLINE' })
    }
    await expect(at(() => Response.json({ session: null })).getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  // What gateways send too, in JSON of their own.
  const codes = ['X', 'UNAUTHORIZED', 'TOKEN_EXPIRED', 'TOKEN_REVOKED', 'TOKEN_NOT_AN_ACCOUNT', 'CREDENTIAL_MISSING']
  test.each(codes)('ends no session with 401 and the code %s', async (code) => {
    const account = at(() => Response.json({ code, message: 'no' }, { status: 401 }))
    await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(account.getTime!()).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(account.bind!(async () => 'proof')).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(account.exchange!('api', null)).rejects.toMatchObject({ code: 'OFFLINE' })
    await expect(account.isKnown!(async () => 'proof')).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('ends no session by removing the token', async () => {
    const { account, signIn } = world()
    signIn()
    const { handle } = world()
    const stripped = tokenAccount({
      getToken: () => account.getToken(),
      signOut() {},
      server: SERVER,
      fetch: async (input, init) => handle(new Request(input, { ...init, headers: {} })),
    })
    await expect(stripped.getSession()).rejects.toMatchObject({
      code: 'OFFLINE',
      message: expect.stringContaining('tokenHeader'),
    })
    await expect(stripped.bind!(async () => 'proof')).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('is distinguished from a server that asks the client to wait, or is broken', async () => {
    await expect(at(() => new Response('', { status: 429 })).getSession()).rejects.toMatchObject({
      code: 'PROVIDER_LIMITED',
    })
    await expect(at(() => new Response('', { status: 502 })).getSession()).rejects.toMatchObject({
      code: 'PROVIDER_FAILED',
    })
    // It cannot fetch the provider's keys.
    const body = { now: 1, code: 'KEYS_UNAVAILABLE', message: '' }
    await expect(at(() => Response.json(body, { status: 503 })).getSession()).rejects.toMatchObject({
      code: 'PROVIDER_FAILED',
    })
  })

  test('a request ends once the caller gave up', async () => {
    let given: AbortSignal | null | undefined
    const account = tokenAccount({
      getToken: () => null,
      signOut() {},
      server: SERVER,
      fetch: async (_input, init) => ((given = init?.signal), Response.json({ now: 1, session: null })),
    })
    const { signal } = new AbortController()
    await account.getSession({ signal })
    expect(given).toBe(signal)
  })

  test('a bug in the app is not an error of the provider', () => {
    const account = at(() => new Response())
    expect(account.readFailure(new TypeError('x is not a function'))).toBeNull()
    expect(account.readFailure(new TypeError('Failed to fetch'))).toMatchObject({ code: 'OFFLINE' })
    expect(account.readFailure(new Error('closed'))).toMatchObject({ code: 'PROVIDER_REFUSED' })
  })
})
