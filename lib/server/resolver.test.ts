import { fc } from '../seeded.testing.ts'
import { describe, expect, test, vi } from 'vitest'
import type { LatchkeyErrorCode } from '../errors.ts'
import {
  ALICE,
  APP,
  BOB,
  NOW,
  PROOF_HEADER,
  TOKEN_HEADER,
  VECTORS,
  encode,
  forge,
  proofClaims,
  text,
  tokenClaims,
} from '../tokens/forge.testing.ts'
import type { LocalFirstOptions } from './sources/local-first.ts'
import { type SessionResolverOptions, createSessionResolver } from './resolver.ts'
import type { Resolution } from './types.ts'

const clock = (): number => NOW * 1000
const TOKEN = forge({ header: TOKEN_HEADER, claims: tokenClaims() })
const LOCAL_FIRST: LocalFirstOptions = { audience: APP, afterUpgrade: 'allow' }

function resolve(
  authorization: string | null,
  options: SessionResolverOptions = { localFirst: LOCAL_FIRST },
): Promise<Resolution> {
  const headers = new Headers(authorization === null ? {} : { authorization })
  return createSessionResolver({ clock, ...options }).resolve({ headers })
}

describe('a request without a credential (checklist 1: no credential gives anonymous) (checklist 13: none)', () => {
  test.each([{}, { anonymous: 'allow' } as const])('is anonymous with %o', async (options) => {
    expect(await resolve(null, options)).toEqual({
      ok: true,
      session: { authMode: 'anonymous', principal: null, principals: [], claims: {} },
      source: 'none',
    })
  })

  test('is refused as missing where anonymous is denied', async () => {
    const resolution = await resolve(null, { anonymous: 'deny' })
    expect(resolution).toMatchObject({ ok: false, error: 'missing', reason: 'CREDENTIAL_MISSING' })
    expect(await answerOf(resolution)).toEqual({
      status: 401,
      challenge: 'Bearer',
      body: { error: 'unauthenticated', code: 'missing' },
    })
  })

  test('gives a session that cannot be changed', async () => {
    const resolution = await resolve(null)
    if (!resolution.ok) throw new Error('refused')
    for (const part of [resolution.session, resolution.session.principals, resolution.session.claims])
      expect(Object.isFrozen(part)).toBe(true)
  })

  test('reads a whole Request too', async () => {
    const request = new Request('https://notes.example/', { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(await createSessionResolver({ clock, localFirst: LOCAL_FIRST }).resolve(request)).toMatchObject({ ok: true })
  })
})

describe('an Authorization header', () => {
  test.each([
    ['that is empty', ''],
    ['with the scheme alone', 'Bearer'],
    ['with the scheme and a space', 'Bearer '],
    ['with another scheme before it', `Basic dXNlcjpwYXNz, Bearer ${TOKEN}`],
    ['with another scheme after it', `Bearer ${TOKEN}, Basic dXNlcjpwYXNz`],
    ['with another scheme, and no more', 'Basic'],
    ['with a token alone', TOKEN],
    ['without a space', `Bearer${TOKEN}`],
    ['with a colon', `Bearer: ${TOKEN}`],
    ['with a tab', `Bearer\t${TOKEN}`],
    ['with two tokens', `Bearer ${TOKEN} ${TOKEN}`],
    ['with two credentials', `Bearer ${TOKEN}, Bearer ${TOKEN}`],
    ['with a comma after it', `Bearer ${TOKEN},`],
    ['with quotes', `Bearer "${TOKEN}"`],
    ['with a parameter', `Bearer token="${TOKEN}"`],
    ['with a character outside token68', `Bearer ${TOKEN}é`],
    ['with a NUL escaped', `Bearer ${TOKEN}%00`],
  ])('%s is malformed, even where anonymous requests are allowed', async (_, value) => {
    const resolution = await resolve(value)
    expect(resolution).toMatchObject({ ok: false, error: 'invalid', reason: 'CREDENTIAL_MALFORMED' })
    expect(await answerOf(resolution)).toEqual({
      status: 400,
      challenge: 'Bearer error="invalid_request", error_description="invalid"',
      body: { error: 'refused', code: 'invalid' },
    })
    await expectSilence(resolution, TOKEN)
  })

  test.each([
    'Basic dXNlcjpwYXNz',
    'Digest username="ada", realm="staging"',
    'basic Og==',
    'AWS4-HMAC-SHA256 Credential=x',
  ])('of another scheme is no credential: %s', async (value) => {
    const options = { clock, localFirst: LOCAL_FIRST }
    const request = { authorization: value }
    expect(await createSessionResolver(options).resolve(request)).toMatchObject({ ok: true, source: 'none' })
    expect(await createSessionResolver({ ...options, anonymous: 'deny' }).resolve(request)).toMatchObject({
      ok: false,
      reason: 'CREDENTIAL_MISSING',
    })
  })

  test('of another name carries the token where `tokenHeader` says so, and Authorization then carries none', async () => {
    const resolver = createSessionResolver({ clock, localFirst: LOCAL_FIRST, tokenHeader: 'X-Notes-Authorization' })
    const bearer = `Bearer ${TOKEN}`
    const resolve = (headers: Record<string, string>) => resolver.resolve(headers)
    expect(await resolve({ 'x-notes-authorization': bearer, authorization: 'Basic x' })).toMatchObject({
      source: 'local-first',
    })
    expect(await resolve({ 'x-notes-authorization': 'Bearer x.y.z', authorization: bearer })).toMatchObject({
      ok: false,
    })
    expect(await resolve({ authorization: bearer })).toMatchObject({ ok: true, source: 'none' })
    for (const name of ['', 'a b', 'cookie', 'Origin', 'host', 'Upgrade', 'connection', 'x:y'])
      expect(() => createSessionResolver({ tokenHeader: name })).toThrow('tokenHeader')
  })

  test('given twice is malformed', async () => {
    const headers = new Headers()
    headers.append('authorization', `Bearer ${TOKEN}`)
    headers.append('authorization', `Bearer ${TOKEN}`)
    const resolver = createSessionResolver({ clock, localFirst: LOCAL_FIRST })
    expect(await resolver.resolve({ headers })).toMatchObject({ ok: false, reason: 'CREDENTIAL_MALFORMED' })
  })

  test.each(['Bearer', 'bearer', 'BEARER', 'Bearer  '])('with the scheme as %j is read', async (scheme) => {
    expect(await resolve(`${scheme} ${TOKEN}`)).toMatchObject({ ok: true })
  })

  test('of any text is answered, never with an error of the resolver', async () => {
    const resolver = createSessionResolver({ clock, localFirst: LOCAL_FIRST })
    const value = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.string({ maxLength: 80 }).map((rest) => `Bearer ${rest}`),
      fc.base64String({ maxLength: 80 }).map((rest) => `Bearer ${rest}`),
    )
    await fc.assert(
      fc.asyncProperty(value, async (authorization) => {
        const headers = { get: () => authorization } as unknown as Headers
        expect(await resolver.resolve({ headers })).toMatchObject({ ok: false })
      }),
      { numRuns: 500 },
    )
  })
})

describe('a local-first token', () => {
  test.each(VECTORS)('of $principal gives its session', async ({ token, principal }) => {
    const resolution = await resolve(`Bearer ${token}`)
    expect(resolution).toEqual({
      ok: true,
      session: {
        authMode: 'local-first',
        principal,
        principals: [principal],
        claims: expect.objectContaining({ sub: principal, aud: APP }),
      },
      source: 'local-first',
    })
  })

  test('with the `alg` Ed25519 or spaced JSON gives a session too', async () => {
    const named = forge({ header: { ...TOKEN_HEADER, alg: 'Ed25519' }, claims: tokenClaims() })
    const spaced = forge({ header: JSON.stringify(TOKEN_HEADER, null, 1), claims: tokenClaims() })
    for (const token of [named, spaced]) expect(await resolve(`Bearer ${token}`)).toMatchObject({ ok: true })
  })

  test('is disabled where local-first is not switched on', async () => {
    const resolution = await resolve(`Bearer ${TOKEN}`, {})
    expect(resolution).toMatchObject({ ok: false, error: 'disabled', reason: 'LOCAL_FIRST_DISABLED' })
    expect(await answerOf(resolution)).toEqual({
      status: 401,
      challenge: 'Bearer error="invalid_token", error_description="disabled"',
      body: { error: 'unauthenticated', code: 'disabled' },
    })
  })

  test('that is expired is refused as expired', async () => {
    const resolution = await resolve(`Bearer ${TOKEN}`, { localFirst: LOCAL_FIRST, clock: () => (NOW + 900) * 1000 })
    expect(resolution).toMatchObject({ ok: false, error: 'expired', reason: 'TOKEN_EXPIRED' })
    expect(await answerOf(resolution)).toEqual({
      status: 401,
      challenge: 'Bearer error="invalid_token", error_description="expired"',
      body: { error: 'unauthenticated', code: 'expired' },
    })
  })

  test('for another app is refused', async () => {
    const resolution = await resolve(`Bearer ${TOKEN}`, {
      localFirst: { ...LOCAL_FIRST, audience: ['https://other.example'] },
    })
    expect(resolution).toMatchObject({ ok: false, error: 'invalid', reason: 'TOKEN_AUDIENCE_MISMATCH' })
  })

  test.each<[string, string, LatchkeyErrorCode]>([
    ['a proof', forge({ header: PROOF_HEADER, claims: { ...proofClaims(), aud: APP } }), 'TOKEN_TYPE_UNEXPECTED'],
    [
      'another type with the local-first issuer',
      forge({ header: { alg: 'EdDSA', typ: 'JWT' }, claims: tokenClaims() }),
      'TOKEN_TYPE_UNEXPECTED',
    ],
    [
      'no type with the local-first issuer',
      forge({ header: { alg: 'EdDSA' }, claims: tokenClaims() }),
      'TOKEN_TYPE_UNEXPECTED',
    ],
    [
      'the local-first type with another issuer',
      forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), iss: 'https://a.example' } }),
      'TOKEN_ISSUER_MISMATCH',
    ],
    ['roles', forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), roles: ['admin'] } }), 'TOKEN_CLAIM_UNKNOWN'],
    ['a foreign signature', forge({ header: TOKEN_HEADER, claims: tokenClaims() }, BOB), 'TOKEN_SIGNATURE_INVALID'],
    [
      'an unknown issuer',
      forge({ header: { alg: 'EdDSA', typ: 'JWT' }, claims: { iss: 'https://a.example' } }),
      'ISSUER_UNKNOWN',
    ],
    ['no issuer', forge({ header: { alg: 'EdDSA', typ: 'JWT' }, claims: {} }), 'ISSUER_UNKNOWN'],
    ['over 4 KiB', `${TOKEN}${'A'.repeat(4096)}`, 'TOKEN_TOO_LARGE'],
    [
      'over 4 KiB, with another name of the algorithm',
      forge({ header: { alg: 'Ed25519', typ: 'latchkey+jwt' }, claims: { ...tokenClaims(), aud: 'a'.repeat(4096) } }),
      'TOKEN_TOO_LARGE',
    ],
    ['over 16 KiB', 'A'.repeat(16_385), 'TOKEN_TOO_LARGE'],
    ['no dots', 'abc', 'TOKEN_MALFORMED'],
    ['padding', `${TOKEN}=`, 'TOKEN_ENCODING_INVALID'],
    [
      'a member twice',
      forge({ header: '{"alg":"EdDSA","typ":"JWT","typ":"latchkey+jwt"}', claims: tokenClaims() }),
      'TOKEN_MEMBER_DUPLICATE',
    ],
    [
      'thousands of nested lists',
      `${encode('{"alg":"EdDSA"}')}.${encode(`{"a":${'['.repeat(6000)}${']'.repeat(6000)}}`)}.AA`,
      'TOKEN_MALFORMED',
    ],
  ])('with %s is refused, and told nothing but the kind of error', async (_, token, reason) => {
    const resolution = await resolve(`Bearer ${token}`)
    expect(resolution).toMatchObject({ ok: false, error: 'invalid', reason })
    expect(await answerOf(resolution)).toEqual({
      status: 401,
      challenge: 'Bearer error="invalid_token", error_description="invalid"',
      body: { error: 'unauthenticated', code: 'invalid' },
    })
    await expectSilence(resolution, token)
  })
})

describe('the lookup', () => {
  const withLookup = (lookup: LocalFirstOptions['lookup']): SessionResolverOptions => ({
    localFirst: { audience: APP, lookup: lookup! },
  })

  test('is asked about the principal and the thumbprint of the whole key', async () => {
    const lookup = vi.fn(async () => 'active' as const)
    expect(await resolve(`Bearer ${TOKEN}`, withLookup(lookup))).toMatchObject({
      ok: true,
      session: { principal: ALICE.principal },
    })
    expect(lookup.mock.calls).toEqual([[ALICE.principal, VECTORS[0]!.thumbprint]])
  })

  test('refuses a principal that has moved to an account', async () => {
    const resolution = await resolve(
      `Bearer ${TOKEN}`,
      withLookup(async () => 'disabled'),
    )
    expect(resolution).toMatchObject({ ok: false, error: 'disabled', reason: 'PRINCIPAL_DISABLED' })
    expect(await answerOf(resolution)).toMatchObject({ status: 401, body: { code: 'disabled' } })
    await expectSilence(resolution, TOKEN)
  })

  test.each([undefined, null, '', 'ACTIVE', true])('that answers %j refuses', async (answer) => {
    expect(
      await resolve(
        `Bearer ${TOKEN}`,
        withLookup(async () => answer as never),
      ),
    ).toMatchObject({ ok: false, reason: 'PRINCIPAL_DISABLED' })
  })

  test('is asked each time, also about a token that was verified before', async () => {
    const answers = ['active', 'disabled', 'active'] as const
    let asked = 0
    const resolver = createSessionResolver({ clock, ...withLookup(async () => answers[asked++]!) })
    const headers = new Headers({ authorization: `Bearer ${TOKEN}` })
    const outcomes = [
      await resolver.resolve({ headers }),
      await resolver.resolve({ headers }),
      await resolver.resolve({ headers }),
    ]
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true])
  })

  test('is not asked about a token that does not verify', async () => {
    const lookup = vi.fn(async () => 'active' as const)
    await resolve(`Bearer ${forge({ header: TOKEN_HEADER, claims: tokenClaims() }, BOB)}`, withLookup(lookup))
    expect(lookup).not.toHaveBeenCalled()
  })

  test('that fails is a fault of the server, and no verdict on the token', async () => {
    const fault = new Error('database is down')
    await expect(
      resolve(
        `Bearer ${TOKEN}`,
        withLookup(() => Promise.reject(fault)),
      ),
    ).rejects.toBe(fault)
  })
})

describe('createSessionResolver', () => {
  test('requires a lookup, or an option that says that the device key stays a way in', () => {
    expect(() => createSessionResolver({ localFirst: { audience: APP } })).toThrow(TypeError)
    expect(() => createSessionResolver({ localFirst: { audience: APP, afterUpgrade: 'deny' as never } })).toThrow(
      TypeError,
    )
    expect(() => createSessionResolver({ localFirst: { audience: APP, afterUpgrade: 'allow' } })).not.toThrow()
    expect(() => createSessionResolver({ localFirst: { audience: APP, lookup: async () => 'active' } })).not.toThrow()
  })

  test.each(['', [], [''], undefined, [undefined]])('wants an audience, not %j', (audience) => {
    expect(() => createSessionResolver({ localFirst: { ...LOCAL_FIRST, audience: audience as never } })).toThrow(
      TypeError,
    )
  })

  test('of any options is a TypeError, or takes no token that it was not told to take', async () => {
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined))
    const external = fc.record(
      { issuer: anything, jwksUrl: anything, publicKey: anything, audience: anything, algorithms: anything },
      { requiredKeys: [] },
    )
    const options = fc.record(
      {
        backend: fc.oneof(anything, fc.record({ secret: anything, headers: anything })),
        localFirst: fc.oneof(anything, fc.record({ audience: anything, lookup: anything, afterUpgrade: anything })),
        external: fc.oneof(anything, external, fc.array(external)),
        cookieSession: fc.oneof(anything, fc.record({ origins: anything, names: anything })),
        anonymous: anything,
        cacheSize: anything,
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(options, anything), async (given) => {
        try {
          const resolver = createSessionResolver(given as SessionResolverOptions)
          expect(await resolver.resolve({ authorization: `Bearer ${TOKEN}` })).toMatchObject({ ok: false })
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('takes the system clock by default', async () => {
    vi.useFakeTimers({ now: NOW * 1000 })
    try {
      const resolver = createSessionResolver({ localFirst: LOCAL_FIRST })
      const headers = new Headers({ authorization: `Bearer ${TOKEN}` })
      expect(await resolver.resolve({ headers })).toMatchObject({ ok: true })
      vi.setSystemTime((NOW + 900) * 1000)
      expect(await resolver.resolve({ headers })).toMatchObject({ reason: 'TOKEN_EXPIRED' })
    } finally {
      vi.useRealTimers()
    }
  })

  test('keeps no session that a handler changed', async () => {
    const resolver = createSessionResolver({ clock, localFirst: LOCAL_FIRST })
    const headers = new Headers({ authorization: `Bearer ${TOKEN}` })
    const first = await resolver.resolve({ headers })
    if (!first.ok) throw new Error('refused')
    Reflect.set(first.session, 'principal', BOB.principal)
    Reflect.set(first.session.principals, 0, BOB.principal)
    Reflect.set(first.session.claims, 'roles', ['admin'])
    Reflect.set(first.session.claims['sub_jwk'] as object, 'x', BOB.x)
    const second = await resolver.resolve({ headers })
    expect(second).toEqual({
      ok: true,
      session: {
        authMode: 'local-first',
        principal: ALICE.principal,
        principals: [ALICE.principal],
        claims: JSON.parse(text(tokenClaims())),
      },
      source: 'local-first',
    })
  })
})

async function answerOf(resolution: Resolution): Promise<{ status: number; challenge: string | null; body: unknown }> {
  if (resolution.ok) throw new Error('accepted')
  const response = resolution.response()
  expect(response.headers.get('cache-control')).toBe('no-store')
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body: await response.json() }
}

/** Neither the operator's reason nor any eight characters of the token are in the answer. */
async function expectSilence(resolution: Resolution, token: string): Promise<void> {
  if (resolution.ok) throw new Error('accepted')
  const response = resolution.response()
  const said = JSON.stringify([response.status, response.statusText, [...response.headers], await response.text()])
  expect(said).not.toContain(resolution.reason)
  expect(said.length).toBeGreaterThan(40)
  for (let start = 0; start + 8 <= token.length; start++)
    expect(said.includes(token.slice(start, start + 8))).toBe(false)
}
