import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { JAZZ_BACKEND_HEADERS, type SessionResolverOptions, createSessionResolver } from '../../lib/server.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import {
  ALICE as LATCHKEY_ALICE,
  APP as LATCHKEY_APP,
  TOKEN_HEADER,
  VECTORS as LATCHKEY_VECTORS,
  forge,
  tokenClaims,
} from '../../lib/tokens/forge.testing.ts'
import { ALICE, APP, BOB, HEADER, IDENTITIES, NOW, claimsOf, clock } from './jazz.testing.ts'
import { type JazzTokensOptions, jazzBackendHeaders, jazzTokens } from './server.ts'

const { token: TOKEN, anonymous_token: ANONYMOUS, user_id: USER } = IDENTITIES[1]!
const LATCHKEY_TOKEN = LATCHKEY_VECTORS[0]!.token
const SECRET = 'a-backend-secret-of-at-least-32-characters'
const LOCAL_FIRST = { audience: LATCHKEY_APP, afterUpgrade: 'allow' } as const

let issuer: TestIssuer
beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())

const profile = (more: Partial<JazzTokensOptions> = {}) => jazzTokens({ audience: APP, afterUpgrade: 'allow', ...more })

function resolverOf(more: Partial<SessionResolverOptions> = {}) {
  const resolver = createSessionResolver({ clock, localFirst: LOCAL_FIRST, profiles: [profile()], ...more })
  return (token: string, headers: Record<string, string> = {}) =>
    resolver.resolve({ authorization: `Bearer ${token}`, ...headers })
}

describe('a resolver with the profile', () => {
  test.each(IDENTITIES)('gives the session of $name, twice the same', async ({ token, user_id: principal }) => {
    const resolve = resolverOf()
    for (let time = 0; time < 2; time++) {
      const resolution = await resolve(token)
      expect(resolution).toEqual({
        ok: true,
        source: 'local-first',
        session: {
          authMode: 'local-first',
          principal,
          principals: [principal],
          claims: expect.objectContaining({ iss: 'urn:jazz:local-first', sub: principal }),
        },
      })
    }
  })

  test('takes an anonymous token for no credential, which may be denied', async () => {
    expect(await resolverOf()(ANONYMOUS)).toMatchObject({
      ok: true,
      source: 'none',
      session: { authMode: 'anonymous', principal: null, principals: [], claims: {} },
    })
    expect(await resolverOf({ anonymous: 'deny' })(ANONYMOUS)).toMatchObject({ ok: false, error: 'missing' })
    const forged = forge({ header: HEADER, claims: { ...claimsOf(), iss: 'urn:jazz:anonymous' } }, BOB)
    expect(await resolverOf()(forged)).toMatchObject({ ok: false, error: 'invalid', reason: 'TOKEN_SIGNATURE_INVALID' })
  })

  test('refuses local-first tokens where they are denied, and takes anonymous ones', async () => {
    const resolve = resolverOf({ profiles: [jazzTokens({ audience: APP, localFirst: 'deny' })] })
    for (let time = 0; time < 2; time++)
      expect(await resolve(TOKEN)).toMatchObject({ ok: false, error: 'disabled', reason: 'LOCAL_FIRST_DISABLED' })
    expect(await resolve(ANONYMOUS)).toMatchObject({ ok: true, session: { authMode: 'anonymous' } })
  })

  test('tells a token at the wrong time, by its own clock', async () => {
    const late = resolverOf({ clock: () => (NOW + 3600) * 1000 })
    expect(await late(TOKEN)).toMatchObject({ ok: false, error: 'expired', reason: 'TOKEN_EXPIRED' })
    const early = resolverOf({ clock: () => (NOW - 61) * 1000 })
    expect(await early(TOKEN)).toMatchObject({ ok: false, error: 'expired', reason: 'TOKEN_NOT_YET_VALID' })
  })

  test('asks whether the identity has moved to an account, each time and only for valid tokens', async () => {
    let status: 'active' | 'disabled' = 'active'
    const lookup = vi.fn(async () => status)
    const resolve = resolverOf({ profiles: [jazzTokens({ audience: APP, lookup })] })
    expect(await resolve(TOKEN)).toMatchObject({ ok: true })
    expect(lookup).toHaveBeenCalledWith(USER, IDENTITIES[1]!.public_key_b64url)
    status = 'disabled'
    expect(await resolve(TOKEN)).toMatchObject({ ok: false, error: 'disabled', reason: 'PRINCIPAL_DISABLED' })
    await resolve(ANONYMOUS)
    await resolve(forge({ header: HEADER, claims: claimsOf() }, BOB))
    expect(lookup).toHaveBeenCalledTimes(2)
    lookup.mockRejectedValueOnce(new Error('the database is down'))
    await expect(resolve(TOKEN)).rejects.toThrow('the database is down')
  })

  test('that keeps no tokens accepts them too', async () => {
    const resolve = resolverOf({ cacheSize: 0 })
    for (let time = 0; time < 2; time++) expect(await resolve(TOKEN)).toMatchObject({ session: { principal: USER } })
  })
})

describe('routing', () => {
  const external = () => ({ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, principal: 'sub' as const })
  const times = { iat: NOW, exp: NOW + 300 }

  test('gives each token to its own verifier, and to no other', async () => {
    const resolve = resolverOf({ external: external() })
    expect(await resolve(TOKEN)).toMatchObject({ source: 'local-first', session: { principal: USER } })
    expect(await resolve(LATCHKEY_TOKEN)).toMatchObject({
      source: 'local-first',
      session: { principal: LATCHKEY_ALICE.principal },
    })
    expect(await resolve(await issuer.sign({ sub: 'ada', ...times } as never))).toMatchObject({
      source: 'external',
      session: { principal: 'ada', authMode: 'external' },
    })
  })

  const jazz = claimsOf() as Record<string, unknown>
  test.each<[string, Record<string, unknown>, Record<string, unknown>, 'jazz' | 'latchkey', string]>([
    ['the type of latchkey/1, the issuer of jazz/2', TOKEN_HEADER, jazz, 'jazz', 'TOKEN_CLAIM_UNKNOWN'],
    ['the type of jazz/2, the issuer of latchkey/1', HEADER, tokenClaims(), 'latchkey', 'TOKEN_TYPE_UNEXPECTED'],
    [
      'the claims of jazz/2, the issuer of latchkey/1',
      HEADER,
      { ...jazz, iss: 'urn:latchkey:local-first' },
      'jazz',
      'TOKEN_TYPE_UNEXPECTED',
    ],
    [
      'the claims of latchkey/1, the issuer of jazz/2',
      HEADER,
      { ...tokenClaims(), iss: 'urn:jazz:local-first' },
      'latchkey',
      'TOKEN_CLAIM_UNKNOWN',
    ],
    ['the type of a proof', { ...HEADER, typ: 'latchkey-proof+jwt' }, jazz, 'jazz', 'TOKEN_TYPE_UNEXPECTED'],
    ['the type of an access token', { ...HEADER, typ: 'at+jwt' }, jazz, 'jazz', 'TOKEN_TYPE_UNEXPECTED'],
    ['an unknown issuer', HEADER, { ...jazz, iss: 'https://x.example' }, 'jazz', 'ISSUER_UNKNOWN'],
    ['a list of issuers', HEADER, { ...jazz, iss: ['urn:jazz:local-first'] }, 'jazz', 'ISSUER_UNKNOWN'],
    ['no issuer', HEADER, { ...jazz, iss: undefined }, 'jazz', 'ISSUER_UNKNOWN'],
  ])('refuses %s', async (_, header, claims, signer, reason) => {
    const token = forge({ header, claims }, signer === 'jazz' ? ALICE : LATCHKEY_ALICE)
    expect(await resolverOf({ external: external() })(token)).toMatchObject({ ok: false, error: 'invalid', reason })
  })

  test('refuses a token of a provider that names an issuer of Jazz', async () => {
    const forged = await issuer.sign({ sub: USER, iss: 'urn:jazz:local-first', ...times } as never)
    expect(await resolverOf({ external: external() })(forged)).toMatchObject({ ok: false, source: 'local-first' })
  })

  test('without the profile knows no token of it, and with it alone none of latchkey/1', async () => {
    expect(await resolverOf({ profiles: [] })(TOKEN)).toMatchObject({ ok: false, reason: 'ISSUER_UNKNOWN' })
    const { localFirst: _, ...rest } = { clock, localFirst: LOCAL_FIRST, profiles: [profile()] }
    const alone = createSessionResolver(rest)
    expect(await alone.resolve({ authorization: `Bearer ${LATCHKEY_TOKEN}` })).toMatchObject({ error: 'disabled' })
    expect(await alone.resolve({ authorization: `Bearer ${TOKEN}` })).toMatchObject({ ok: true })
  })

  test('refuses a subject of the form of a Jazz user id from a provider, unless it is the own one', async () => {
    const foreign = resolverOf({ external: external() })
    for (const sub of [USER, USER.toUpperCase()])
      expect(await foreign(await issuer.sign({ sub, ...times } as never))).toMatchObject({
        ok: false,
        reason: 'TOKEN_CLAIM_INVALID',
      })
    const without = resolverOf({ external: external(), profiles: [] })
    expect(await without(await issuer.sign({ sub: USER, ...times } as never))).toMatchObject({ ok: true })
    const own = resolverOf({ external: { ...external(), requiredClaims: ['auth_mode'], aliases: true } as never })
    const token = await issuer.sign({ sub: USER, auth_mode: 'external', ...times } as never)
    expect(await own(token)).toMatchObject({ ok: true, session: { principal: USER, authMode: 'external' } })
  })

  test('lets no provider have an issuer of Jazz, and no profile be there twice', () => {
    const options = { clock, profiles: [profile()] }
    for (const name of ['urn:jazz:local-first', 'urn:jazz:anonymous'])
      expect(() => createSessionResolver({ ...options, external: { ...external(), issuer: name } })).toThrow('external')
    expect(() => createSessionResolver({ ...options, profiles: [profile(), profile()] })).toThrow('profiles')
    const wrong = { ...profile(), issuers: ['urn:latchkey:local-first'] }
    expect(() => createSessionResolver({ ...options, profiles: [wrong] })).toThrow('profiles')
  })
})

test.each<Partial<Record<keyof JazzTokensOptions | 'localfirst', unknown>>>([
  { audience: APP },
  { audience: APP, afterUpgrade: 'deny' },
  { audience: APP, localFirst: 'maybe' },
  { audience: '', afterUpgrade: 'allow' },
  { afterUpgrade: 'allow' },
  { audience: APP, afterUpgrade: 'allow', longestLifetime: 0 },
  { audience: APP, afterUpgrade: 'allow', localfirst: 'deny' },
])('the options %j are a mistake', (options) => {
  expect(() => jazzTokens(options as never)).toThrow(TypeError)
})

describe('a backend that acts for a user', () => {
  const decode = (headers: Record<string, string>) =>
    JSON.parse(Buffer.from(headers['x-jazz-session']!, 'base64').toString()) as unknown
  const resolver = () =>
    createSessionResolver({
      clock,
      profiles: [profile()],
      backend: { secret: SECRET, headers: JAZZ_BACKEND_HEADERS },
    })

  test("writes the headers that Jazz's server reads: standard base64 with padding, of its session", () => {
    const headers = jazzBackendHeaders(SECRET, { userId: USER, claims: { teams: ['eng?>', 'ü'] } })
    expect(Object.keys(headers)).toEqual(['x-jazz-backend-secret', 'x-jazz-session'])
    expect(headers['x-jazz-backend-secret']).toBe(SECRET)
    expect(headers['x-jazz-session']).toMatch(/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/)
    expect(decode(headers)).toEqual({ user_id: USER, claims: { teams: ['eng?>', 'ü'] }, auth_mode: 'external' })
    expect(decode(jazzBackendHeaders(SECRET, { userId: 'x', authMode: 'local-first' }))).toEqual({
      user_id: 'x',
      claims: {},
      auth_mode: 'local-first',
    })
  })

  test('is that user, whatever token is beside it', async () => {
    const headers = jazzBackendHeaders(SECRET, { userId: BOB.principal, claims: { role: 'x' } })
    for (const authorization of [`Bearer ${TOKEN}`, 'Bearer broken', 'Bearer'])
      expect(await resolver().resolve({ ...headers, authorization })).toMatchObject({
        source: 'backend',
        session: { principal: BOB.principal, authMode: 'external', claims: { role: 'x' } },
      })
  })

  test('passes on a session that it resolved', async () => {
    const found = await resolver().resolve({ authorization: `Bearer ${TOKEN}` })
    if (!found.ok) throw new Error(found.reason)
    expect(await resolver().resolve(jazzBackendHeaders(SECRET, found.session))).toMatchObject({
      source: 'backend',
      session: { principal: USER, authMode: 'local-first' },
    })
  })

  test('reads what a Jazz client writes: authMode as well, and no claims', async () => {
    const header = (session: unknown) => ({
      'X-Jazz-Backend-Secret': SECRET,
      'X-Jazz-Session': Buffer.from(JSON.stringify(session)).toString('base64'),
    })
    expect(await resolver().resolve(header({ user_id: 'x', claims: {}, authMode: 'local-first' }))).toMatchObject({
      session: { principal: 'x', authMode: 'local-first' },
    })
    expect(await resolver().resolve(header({ user_id: 'x' }))).toMatchObject({ session: { authMode: 'external' } })
  })

  const good = jazzBackendHeaders(SECRET, { userId: USER })
  test.each<[string, Record<string, string>, string]>([
    ['only the secret', { 'x-jazz-backend-secret': SECRET }, 'BACKEND_HEADERS_INVALID'],
    ['only the session', { 'x-jazz-session': good['x-jazz-session']! }, 'BACKEND_HEADERS_INVALID'],
    ['another secret', { ...good, 'x-jazz-backend-secret': `${SECRET}x` }, 'BACKEND_SECRET_WRONG'],
    ['an empty secret', { ...good, 'x-jazz-backend-secret': '' }, 'BACKEND_SECRET_WRONG'],
    ['no base64', { ...good, 'x-jazz-session': 'not-valid-base64!!!' }, 'BACKEND_SESSION_INVALID'],
    ['no JSON', { ...good, 'x-jazz-session': 'bm90LWpzb24=' }, 'BACKEND_SESSION_INVALID'],
    ['no user', { ...good, 'x-jazz-session': btoa('{"claims":{}}') }, 'BACKEND_SESSION_INVALID'],
    ['an empty user', { ...good, 'x-jazz-session': btoa('{"user_id":""}') }, 'BACKEND_SESSION_INVALID'],
    [
      'an anonymous user',
      { ...good, 'x-jazz-session': btoa('{"user_id":"x","auth_mode":"anonymous"}') },
      'BACKEND_SESSION_INVALID',
    ],
    ['two users', { ...good, 'x-jazz-session': btoa('{"user_id":"x","user_id":"y"}') }, 'BACKEND_SESSION_INVALID'],
    [
      'claims that are a list',
      { ...good, 'x-jazz-session': btoa('{"user_id":"x","claims":[]}') },
      'BACKEND_SESSION_INVALID',
    ],
    ['an Origin', { ...good, origin: 'https://notes.example' }, 'BACKEND_FROM_BROWSER'],
  ])('is refused with %s, also beside a token that is valid', async (_, headers, reason) => {
    const request = { ...headers, authorization: `Bearer ${TOKEN}` }
    expect(await resolver().resolve(request)).toMatchObject({ ok: false, source: 'backend', reason })
  })

  test('is no credential where its headers are not configured', async () => {
    const without = createSessionResolver({ clock, profiles: [profile()] })
    expect(await without.resolve({ ...good, authorization: `Bearer ${TOKEN}` })).toMatchObject({
      session: { principal: USER },
    })
    const latchkeys = createSessionResolver({ clock, backend: { secret: SECRET } })
    expect(await latchkeys.resolve(good)).toMatchObject({ ok: true, session: { authMode: 'anonymous' } })
  })

  test('acts for no anonymous user', () => {
    const anonymous = { authMode: 'anonymous', principal: null, principals: [], claims: {} } as const
    for (const session of [anonymous, { userId: '' }, { userId: 'x', authMode: 'anonymous' }, {}])
      expect(() => jazzBackendHeaders(SECRET, session as never)).toThrow(TypeError)
  })
})
