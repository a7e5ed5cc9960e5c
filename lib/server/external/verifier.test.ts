import { createHmac } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ManualClock, manualClock } from '../../testing/clock.ts'
import { ALICE, BOB, NOW, TOKEN_HEADER, encode, forge, tokenClaims } from '../../tokens/forge.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { AUDIENCE, SUBJECT, type TestIssuer, closedPort, startIssuer } from './issuer.testing.ts'
import { type SessionResolverOptions, createSessionResolver } from '../resolver.ts'
import type { Resolution, SessionResolver } from '../types.ts'

let provider: TestIssuer

beforeAll(async () => {
  provider = await startIssuer()
})

afterAll(() => provider.close())

afterEach(() => {
  provider.answerWith()
})

function resolverOf(external: Partial<ExternalIssuer> = {}, options: SessionResolverOptions = {}): SessionResolver {
  const { issuer, jwksUrl } = provider
  return createSessionResolver({
    clock: () => NOW * 1000,
    external: { issuer, jwksUrl, audience: AUDIENCE, ...external },
    ...options,
  })
}

function resolve(token: string, resolver: SessionResolver = resolverOf()): Promise<Resolution> {
  return resolver.resolve({ headers: new Headers({ authorization: `Bearer ${token}` }) })
}

/** The operator's reason, or `accepted`. */
async function reasonOf(token: string | Promise<string>, resolver?: SessionResolver): Promise<string> {
  const resolution = await resolve(await token, resolver)
  return resolution.ok ? 'accepted' : resolution.reason
}

function withClaims(claims: Record<string, unknown>): Promise<string> {
  return provider.sign(claims as JWTPayload)
}

describe('an external token (checklist 7: verified by a JWKS URL)', () => {
  test.each(['RS256', 'ES256', 'EdDSA'] as const)('of %s gives its session', async (alg) => {
    const resolution = await resolve(await provider.sign({ role: 'member' }, { alg }))
    expect(resolution).toMatchObject({
      ok: true,
      session: {
        authMode: 'external',
        principal: SUBJECT,
        principals: [SUBJECT],
        claims: { iss: provider.issuer, role: 'member' },
      },
    })
    if (!resolution.ok) return
    for (const part of [resolution.session, resolution.session.principals, resolution.session.claims])
      expect(Object.isFrozen(part)).toBe(true)
  })

  test('without a `kid` is verified by the one key that fits', async () => {
    expect(await reasonOf(provider.sign({}, { kid: undefined }))).toBe('accepted')
  })

  test('with an unknown `kid` is refused', async () => {
    expect(await reasonOf(provider.sign({}, { kid: 'other' }))).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('with the `kid` of another kind of key is refused', async () => {
    expect(await reasonOf(provider.sign({}, { alg: 'RS256', kid: 'ES256' }))).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('signed by another key with the same `kid` is refused', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    expect(await reasonOf(provider.sign({}, { alg: 'ES256' }, privateKey))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('that brings its own key, or says where one is, is refused and nothing there is asked for', async () => {
    const evil = await startIssuer()
    const jwk = await exportJWK(evil.keys.ES256.publicKey)
    const token = await provider.sign(
      {},
      { alg: 'ES256', jwk, jku: evil.jwksUrl, x5u: evil.jwksUrl },
      evil.keys.ES256.privateKey,
    )
    expect(await reasonOf(token)).toBe('TOKEN_SIGNATURE_INVALID')
    expect(evil.requests()).toBe(0)
    await evil.close()
  })

  test('with changed claims is refused', async () => {
    const [header, , signature] = (await provider.sign()).split('.')
    const claims = encode(JSON.stringify({ iss: provider.issuer, aud: AUDIENCE, sub: 'somebody else', exp: NOW + 300 }))
    expect(await reasonOf(`${header}.${claims}.${signature}`)).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('with an unknown critical parameter is refused', async () => {
    const header = encode(JSON.stringify({ alg: 'ES256', kid: 'ES256', crit: ['unknown'], unknown: 1 }))
    const [, claims, signature] = (await provider.sign({}, { alg: 'ES256' })).split('.')
    expect(await resolve(`${header}.${claims}.${signature}`)).toMatchObject({ ok: false, error: 'invalid' })
  })

  test('with a member twice is refused, although jose would take it', async () => {
    const claims = `{"iss":"${provider.issuer}","aud":"${AUDIENCE}","sub":"a","sub":"b","exp":${NOW + 300}}`
    const forger = { sign: (data: Uint8Array) => ALICE.sign(data) }
    expect(await reasonOf(forge({ header: { alg: 'EdDSA' }, claims }, forger))).toBe('TOKEN_MEMBER_DUPLICATE')
  })
})

describe('the issuer', () => {
  test.each([
    ['another one', () => 'https://evil.example'],
    ['with a slash at the end', () => `${provider.issuer}/`],
    ['in upper case', () => provider.issuer.toUpperCase()],
    ['missing', () => undefined],
  ])('%s is unknown, and its keys are not asked for', async (_, iss) => {
    const before = provider.requests()
    expect(await reasonOf(withClaims({ iss: iss() }))).toBe('ISSUER_UNKNOWN')
    expect(provider.requests()).toBe(before)
  })

  test('in a list is unknown', async () => {
    expect(await reasonOf(withClaims({ iss: [provider.issuer] }))).toBe('ISSUER_UNKNOWN')
  })
})

describe('the audience', () => {
  test.each([
    ['another one', 'https://other.example'],
    ['with a slash at the end', `${AUDIENCE}/`],
    ['a list without it', ['https://other.example']],
    ['an empty list', []],
    ['missing', undefined],
    ['null', null],
  ])('%s is refused', async (_, aud) => {
    expect(await reasonOf(withClaims({ aud }))).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test('in a list is accepted', async () => {
    expect(await reasonOf(withClaims({ aud: ['https://other.example', AUDIENCE] }))).toBe('accepted')
  })

  test('may be one of several', async () => {
    const resolver = resolverOf({ audience: ['https://other.example', AUDIENCE] })
    expect(await reasonOf(provider.sign(), resolver)).toBe('accepted')
    expect(await reasonOf(withClaims({ aud: 'https://third.example' }), resolver)).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test.each([
    'audience',
    'authorizedParties',
    'clients',
    'algorithms',
    'requiredClaims',
    'isAccount',
    'lookup',
    'lookupSession',
  ])('that is an unset variable does not switch off the check: nor does %s', (name) => {
    expect(() => resolverOf({ [name]: undefined })).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(`^external.${name}: `) }),
    )
  })

  test('of a source that is an unset variable is refused, too', () => {
    const sources = [{ jwksUrl: provider.jwksUrl, audience: undefined as never }]
    const external = { issuer: provider.issuer, audience: AUDIENCE, sources }
    expect(() => createSessionResolver({ external })).toThrow(/^external.sources.audience: /)
  })

  test.each([
    ['allowMissingParty', 'false'],
    ['aliases', 'false'],
    ['aliases', 0],
  ])('is not alone: %s: %j is no boolean', (name, value) => {
    expect(() => resolverOf({ [name]: value })).toThrow(TypeError)
  })

  test('is not looked at where none was given', async () => {
    const { issuer, jwksUrl } = provider
    const resolver = createSessionResolver({ clock: () => NOW * 1000, external: { issuer, jwksUrl } })
    expect(await reasonOf(withClaims({ aud: undefined }), resolver)).toBe('accepted')
  })
})

describe('the algorithm', () => {
  test('none is refused', async () => {
    const claims = (await provider.sign()).split('.')[1]
    for (const alg of ['none', 'None', 'NONE']) {
      const header = encode(JSON.stringify({ alg, kid: 'RS256' }))
      expect(await reasonOf(`${header}.${claims}.`)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    }
  })

  test('HS256 with a public key as the secret is refused', async () => {
    const claims = (await provider.sign()).split('.')[1]
    const { publicKey } = provider.keys.RS256
    const pem = await exportSPKI(publicKey)
    const secrets = [
      pem,
      pem.trim(),
      Buffer.from(pem.replaceAll(/-.*-|\n/g, ''), 'base64'),
      Buffer.from(provider.jwks[0]!.n!, 'base64url'),
      JSON.stringify(provider.jwks[0]),
    ]
    for (const secret of secrets) {
      const input = `${encode('{"alg":"HS256","kid":"RS256"}')}.${claims}`
      const signature = createHmac('sha256', secret).update(input).digest('base64url')
      expect(await reasonOf(`${input}.${signature}`)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    }
  })

  test('is one of those that were chosen', async () => {
    const resolver = resolverOf({ algorithms: ['ES256'] })
    expect(await reasonOf(provider.sign({}, { alg: 'ES256' }), resolver)).toBe('accepted')
    expect(await reasonOf(provider.sign({}, { alg: 'RS256' }), resolver)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })

  test('missing is refused', async () => {
    const claims = (await provider.sign()).split('.')[1]
    expect(await reasonOf(`${encode('{"kid":"RS256"}')}.${claims}.AA`)).toBe('TOKEN_MALFORMED')
  })
})

describe('the times', () => {
  test('end at `exp`', async () => {
    const clock = manualClock((NOW + 300) * 1000 - 1)
    const resolver = resolverOf({}, { clock: clock.now })
    const token = await provider.sign()
    expect(await reasonOf(token, resolver)).toBe('accepted')
    clock.advance(1)
    expect(await resolve(token, resolver)).toMatchObject({ ok: false, error: 'expired', reason: 'TOKEN_EXPIRED' })
  })

  test('begin at `nbf`', async () => {
    const resolver = resolverOf()
    expect(await reasonOf(provider.sign({ nbf: NOW }), resolver)).toBe('accepted')
    expect(await resolve(await provider.sign({ nbf: NOW + 1 }), resolver)).toMatchObject({
      ok: false,
      error: 'expired',
      reason: 'TOKEN_NOT_YET_VALID',
    })
  })

  test.each<[string, unknown, string]>([
    ['nbf', NOW + 1, 'TOKEN_NOT_YET_VALID'],
    ['nbf', '0', 'TOKEN_NOT_YET_VALID'],
    ['iat', '0', 'TOKEN_NOT_YET_VALID'],
    ['exp', '9999999999', 'TOKEN_CLAIM_INVALID'],
    ['exp', undefined, 'TOKEN_CLAIM_INVALID'],
  ])('are checked when a key is used for the first time and later: `%s` is %j', async (name, value, reason) => {
    const resolver = resolverOf()
    expect(await reasonOf(withClaims({ [name]: value }), resolver)).toBe(reason)
    expect(await reasonOf(provider.sign(), resolver)).toBe('accepted')
    expect(await reasonOf(withClaims({ [name]: value }), resolver)).toBe(reason)
  })

  test('may differ by the tolerance', async () => {
    const clock: ManualClock = manualClock((NOW + 305) * 1000)
    const token = await provider.sign()
    expect(await reasonOf(token, resolverOf({ clockTolerance: 10 }, { clock: clock.now }))).toBe('accepted')
    expect(await reasonOf(token, resolverOf({ clockTolerance: 5 }, { clock: clock.now }))).toBe('TOKEN_EXPIRED')
  })

  test.each([[undefined], [null], ['1760000300']])('with the `exp` %j are refused', async (exp) => {
    expect(await reasonOf(withClaims({ exp }))).toBe('TOKEN_CLAIM_INVALID')
  })
})

describe('the subject', () => {
  test.each([[undefined], [null], [''], [7], [true], [[SUBJECT]], [{ id: SUBJECT }]])('%j is refused', async (sub) => {
    expect(await reasonOf(withClaims({ sub }))).toBe('TOKEN_CLAIM_INVALID')
  })
})

describe('aliases', () => {
  /** Aliases come from a server that runs Latchkey, which marks its tokens. */
  const MARKED = { auth_mode: 'external' }
  const ALIASES = [ALICE.principal, BOB.principal]

  test('are further principals where the option says so', async () => {
    const resolution = await resolve(await withClaims({ ...MARKED, aliases: ALIASES }), resolverOf({ aliases: true }))
    expect(resolution).toMatchObject({ ok: true, session: { principal: SUBJECT, principals: [SUBJECT, ...ALIASES] } })
  })

  test('are a claim like any other without it', async () => {
    const resolution = await resolve(await withClaims({ aliases: ALIASES }))
    expect(resolution).toMatchObject({ ok: true, session: { principals: [SUBJECT] } })
  })

  test('may be absent, and are at most sixteen', async () => {
    const resolver = resolverOf({ aliases: true })
    const many = Array.from({ length: 17 }, (_, index) => `alias-${index}`)
    expect(await resolve(await provider.sign(MARKED), resolver)).toMatchObject({
      ok: true,
      session: { principals: [SUBJECT] },
    })
    expect(await reasonOf(withClaims({ ...MARKED, aliases: many.slice(1) }), resolver)).toBe('accepted')
    expect(await reasonOf(withClaims({ ...MARKED, aliases: many }), resolver)).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each([['alice'], [null], [{}], [[1]], [['']], [[null]], [[['a']]]])('%j are refused', async (aliases) => {
    expect(await reasonOf(withClaims({ ...MARKED, aliases }), resolverOf({ aliases: true }))).toBe(
      'TOKEN_CLAIM_INVALID',
    )
  })
})

describe('the size', () => {
  test('is at most 16 KiB, and more is not even parsed', async () => {
    const short = (await provider.sign({ pad: '' }, { alg: 'EdDSA' })).length
    const most = await provider.sign({ pad: 'a'.repeat(Math.floor(((16_384 - short) * 3) / 4)) }, { alg: 'EdDSA' })
    const over = await provider.sign({ pad: 'a'.repeat(Math.floor(((16_384 - short) * 3) / 4) + 3) }, { alg: 'EdDSA' })
    expect(most.length).toBeLessThanOrEqual(16_384)
    expect(most.length).toBeGreaterThan(16_380)
    expect(await reasonOf(most)).toBe('accepted')
    const resolver = resolverOf()
    const before = provider.requests()
    const parse = vi.spyOn(JSON, 'parse')
    expect(await reasonOf(over, resolver)).toBe('TOKEN_TOO_LARGE')
    expect(parse).not.toHaveBeenCalled()
    parse.mockRestore()
    expect(provider.requests()).toBe(before)
  })
})

describe('keys that cannot be fetched', () => {
  test('because no server listens are no verdict on the token', async () => {
    const resolver = resolverOf({ jwksUrl: `${await closedPort()}/jwks` })
    const token = await provider.sign()
    const resolution = await resolve(token, resolver)
    expect(resolution).toMatchObject({ ok: false, reason: 'KEYS_UNAVAILABLE' })
    if (resolution.ok) return
    const response = resolution.response()
    expect(response.status).toBe(503)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(await response.json()).toEqual({ error: 'unavailable', code: 'unavailable' })
  })

  test.each<[string, number, string]>([
    ['a page', 200, '<!doctype html><title>Sign in</title>'],
    ['an error', 500, '{}'],
    ['an error with a key set', 500, '{"keys":[]}'],
    ['not found', 404, 'no'],
    ['a list', 200, '[]'],
    ['another object', 200, '{"issuer":"x"}'],
    ['nothing', 200, ''],
  ])('because the answer is %s are no verdict on the token', async (_, status, body) => {
    provider.answerWith((_request, response) => void response.writeHead(status).end(body))
    expect(await reasonOf(provider.sign())).toBe('KEYS_UNAVAILABLE')
  })

  test('are asked for again a second later', async () => {
    const clock = manualClock(NOW * 1000)
    const resolver = resolverOf({}, { clock: clock.now })
    provider.answerWith((_, response) => void response.writeHead(500).end())
    expect(await reasonOf(provider.sign(), resolver)).toBe('KEYS_UNAVAILABLE')
    provider.answerWith()
    const before = provider.requests()
    clock.advance(999)
    expect(await reasonOf(provider.sign(), resolver)).toBe('KEYS_UNAVAILABLE')
    expect(provider.requests()).toBe(before)
    clock.advance(1)
    expect(await reasonOf(provider.sign(), resolver)).toBe('accepted')
  })

  test('are asked for once for many tokens', async () => {
    const resolver = resolverOf()
    const before = provider.requests()
    for (let run = 0; run < 5; run++) expect(await reasonOf(provider.sign({ run }), resolver)).toBe('accepted')
    expect(provider.requests()).toBe(before + 1)
  })

  test('do not matter to a token that is refused without them', async () => {
    const resolver = resolverOf({ jwksUrl: `${await closedPort()}/jwks` })
    expect(await reasonOf('abc', resolver)).toBe('TOKEN_MALFORMED')
  })
})

describe('a token of an issuer that runs Latchkey, for a device without an account', () => {
  test('gives a local-first session, and the lookup is asked at each use', async () => {
    const lookup = vi.fn<(principal: string) => Promise<'active' | 'disabled'>>(async () => 'active')
    const resolver = resolverOf({ aliases: true, lookup })
    const token = await withClaims({ auth_mode: 'local-first' })
    for (const _ of [1, 2])
      expect(await resolve(token, resolver)).toMatchObject({
        ok: true,
        source: 'external',
        session: { authMode: 'local-first', principal: SUBJECT },
      })
    expect(lookup.mock.calls).toEqual([[SUBJECT], [SUBJECT]])
    lookup.mockResolvedValue('disabled')
    expect(await reasonOf(token, resolver)).toBe('PRINCIPAL_DISABLED')
    lookup.mockResolvedValue('unknown' as never)
    expect(await reasonOf(token, resolver)).toBe('PRINCIPAL_DISABLED')
  })

  test('is accepted without a lookup, and one of an account needs none', async () => {
    expect(await reasonOf(withClaims({ auth_mode: 'local-first' }), resolverOf({ aliases: true }))).toBe('accepted')
    const lookup = vi.fn(async () => 'disabled' as const)
    const resolver = resolverOf({ aliases: true, lookup })
    expect(await resolve(await withClaims({ auth_mode: 'external' }), resolver)).toMatchObject({
      session: { authMode: 'external' },
    })
    expect(lookup).not.toHaveBeenCalled()
  })
})

describe('a token is tried as one kind only (checklist 13: external JWT, then local-first)', () => {
  const both = (lookup: () => Promise<'active'>): SessionResolver =>
    resolverOf({}, { localFirst: { audience: AUDIENCE, lookup } })

  test('both kinds are taken side by side', async () => {
    const resolver = both(async () => 'active')
    expect(await reasonOf(provider.sign(), resolver)).toBe('accepted')
    expect(await reasonOf(forge({ header: TOKEN_HEADER, claims: tokenClaims() }), resolver)).toBe('accepted')
  })

  test.each([
    ['one that fails', () => forge({ header: TOKEN_HEADER, claims: tokenClaims() }, BOB), 'TOKEN_SIGNATURE_INVALID'],
    [
      'the type with the external issuer',
      () => provider.sign({}, { typ: 'latchkey+jwt' }),
      'TOKEN_ALGORITHM_FORBIDDEN',
    ],
    [
      'the type with the external issuer, by Ed25519',
      () => provider.sign({}, { alg: 'EdDSA', typ: 'latchkey+jwt', kid: undefined }),
      'TOKEN_ISSUER_MISMATCH',
    ],
    [
      'the local-first issuer with the external key',
      () => provider.sign({ iss: 'urn:latchkey:local-first' }, { typ: 'JWT' }),
      'TOKEN_TYPE_UNEXPECTED',
    ],
  ])('local-first, %s, is never tried as external', async (_, sign, reason) => {
    const resolver = both(async () => 'active')
    const before = provider.requests()
    expect(await reasonOf(await sign(), resolver)).toBe(reason)
    expect(provider.requests()).toBe(before)
  })

  test('local-first is not tried as external either where it is switched off', async () => {
    const before = provider.requests()
    const token = await provider.sign({}, { typ: 'latchkey+jwt' })
    expect(await reasonOf(token)).toBe('LOCAL_FIRST_DISABLED')
    expect(await reasonOf(forge({ header: TOKEN_HEADER, claims: tokenClaims() }))).toBe('LOCAL_FIRST_DISABLED')
    expect(provider.requests()).toBe(before)
  })

  test('external is never tried as local-first', async () => {
    const lookup = vi.fn(async () => 'active' as const)
    const claims = { ...tokenClaims(), iss: provider.issuer }
    const token = forge({ header: { alg: 'EdDSA', typ: 'JWT', kid: 'EdDSA' }, claims })
    expect(await reasonOf(token, both(lookup))).toBe('TOKEN_SIGNATURE_INVALID')
    expect(lookup).not.toHaveBeenCalled()
  })
})

describe('createSessionResolver refuses an issuer', () => {
  test.each<[string, Partial<ExternalIssuer>]>([
    ['without a name', { issuer: '' }],
    ['without an address', { jwksUrl: '' }],
    ['with an address that is none', { jwksUrl: 'jwks' }],
    ['with a file as the address', { jwksUrl: 'file:///etc/jwks.json' }],
    ['with data as the address', { jwksUrl: 'data:application/json,{"keys":[]}' }],
    ['with HS256', { algorithms: ['RS256', 'HS256'] }],
    ['with none', { algorithms: ['none'] }],
    ['with an algorithm that is a prototype name', { algorithms: ['toString'] }],
    ['with an empty audience', { audience: '' }],
    ['with no audience in the list', { audience: [] }],
    ['with an empty audience in the list', { audience: [AUDIENCE, ''] }],
  ])('%s', (_, options) => {
    expect(() => resolverOf(options)).toThrow(TypeError)
  })

  test('only then', () => {
    expect(() => resolverOf({ algorithms: ['RS256', 'PS512', 'Ed25519'], audience: [AUDIENCE] })).not.toThrow()
  })
})
