import { createPublicKey } from 'node:crypto'
import { type JWTPayload, exportSPKI } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { NOW } from '../../tokens/forge.testing.ts'
import { certificateOf } from './certificate.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { type Algorithm, type TestIssuer, startIssuer } from './issuer.testing.ts'
import { type PresetOptions, auth0, betterAuthIssuer, clerk, firebase, supabase, workos } from './presets.ts'
import { createSessionResolver } from '../resolver.ts'

let provider: TestIssuer

beforeAll(async () => {
  provider = await startIssuer()
})

afterAll(() => provider.close())

afterEach(() => {
  provider.answerWith()
})

interface Preset {
  readonly name: string
  readonly rules: ExternalIssuer
  /** Where the provider's pages say that the keys are. */
  readonly keys: string
  readonly alg: Algorithm
  /** As on the provider's page. */
  readonly claims: JWTPayload
  readonly principal: string
}

const PRESETS: Preset[] = [
  {
    name: 'Clerk',
    rules: clerk({ issuer: 'https://clerk.notes.example/', authorizedParties: ['https://notes.example'] }),
    keys: 'https://clerk.notes.example/.well-known/jwks.json',
    alg: 'RS256',
    claims: {
      iss: 'https://clerk.notes.example',
      azp: 'https://notes.example',
      sub: 'user_2xyz',
      sid: 'sess_123',
      sts: 'active',
      fva: [7, -1],
      v: 2,
      jti: 'a5b1',
      iat: NOW,
      nbf: NOW - 10,
      exp: NOW + 60,
    },
    principal: 'user_2xyz',
  },
  {
    name: 'Auth0',
    rules: auth0({ domain: 'my-domain.auth0.com', audience: 'https://example.com/health-api' }),
    keys: 'https://my-domain.auth0.com/.well-known/jwks.json',
    alg: 'RS256',
    claims: {
      iss: 'https://my-domain.auth0.com/',
      sub: 'auth0|123456',
      aud: ['https://example.com/health-api', 'https://my-domain.auth0.com/userinfo'],
      azp: 'my_client_id',
      exp: NOW + 86_400,
      iat: NOW,
      scope: 'openid profile',
    },
    principal: 'auth0|123456',
  },
  {
    name: 'Supabase',
    rules: supabase({ url: 'https://abc.supabase.co' }),
    keys: 'https://abc.supabase.co/auth/v1/.well-known/jwks.json',
    alg: 'ES256',
    claims: {
      iss: 'https://abc.supabase.co/auth/v1',
      aud: 'authenticated',
      sub: '123e4567-e89b-12d3-a456-426614174000',
      role: 'authenticated',
      aal: 'aal1',
      session_id: 's',
      email: 'user@example.com',
      phone: '',
      is_anonymous: false,
      iat: NOW,
      exp: NOW + 3600,
    },
    principal: '123e4567-e89b-12d3-a456-426614174000',
  },
  {
    name: 'Firebase',
    rules: firebase({ projectId: 'my-project' }),
    keys: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
    alg: 'RS256',
    claims: {
      iss: 'https://securetoken.google.com/my-project',
      aud: 'my-project',
      auth_time: NOW - 60,
      user_id: 'uid1',
      sub: 'uid1',
      iat: NOW,
      exp: NOW + 3600,
      firebase: { identities: {}, sign_in_provider: 'password' },
    },
    principal: 'uid1',
  },
  {
    name: 'WorkOS',
    rules: workos({ clientId: 'client_123456789' }),
    keys: 'https://api.workos.com/sso/jwks/client_123456789',
    alg: 'RS256',
    claims: {
      iss: 'https://api.workos.com',
      sub: 'user_01HBEQKA6K4QJAS93VPE39W1JT',
      org_id: 'org_1',
      role: 'member',
      roles: ['member'],
      permissions: ['posts:read'],
      sid: 'session_01HQ',
      jti: '01HQ',
      exp: NOW + 300,
      iat: NOW,
    },
    principal: 'user_01HBEQKA6K4QJAS93VPE39W1JT',
  },
  {
    name: 'Better Auth',
    rules: betterAuthIssuer({ baseURL: 'https://notes.example/api/auth/' }),
    keys: 'https://notes.example/api/auth/jwks',
    alg: 'EdDSA',
    claims: {
      iss: 'https://notes.example',
      aud: 'https://notes.example',
      sub: 'e3758389-5e50-8372-aa8e-6797750a7a44',
      auth_mode: 'external',
      aliases: ['old'],
      iat: NOW,
      exp: NOW + 900,
    },
    principal: 'e3758389-5e50-8372-aa8e-6797750a7a44',
  },
]

/** Resolves a token, with the keys from the provider on the loopback. */
async function outcomeOf(
  rules: ExternalIssuer,
  claims: JWTPayload,
  alg: Algorithm,
  header: object = {},
): Promise<{ outcome: string; asked: string[] }> {
  const asked: string[] = []
  const fetchKeys: ExternalIssuer['fetch'] = (url, init) => {
    asked.push(url)
    return fetch(provider.jwksUrl, init)
  }
  const resolver = createSessionResolver({ clock: () => NOW * 1000, external: { ...rules, fetch: fetchKeys } })
  const token = await provider.sign({ aud: undefined as never, ...claims }, { alg, ...header })
  const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
  return { outcome: resolution.ok ? resolution.session.principal! : resolution.reason, asked }
}

describe.each(PRESETS)('the preset for $name', ({ rules, keys, alg, claims, principal }) => {
  const judge = async (changes: JWTPayload, ...more: [Algorithm?, object?]): Promise<string> =>
    (await outcomeOf(rules, { ...claims, ...changes }, more[0] ?? alg, more[1] ?? {})).outcome

  test('takes a token as the provider documents it, with the keys from where it documents them', async () => {
    expect(await outcomeOf(rules, claims, alg)).toEqual({ outcome: principal, asked: [keys] })
  })

  test('refuses another issuer, an expired token, no subject', async () => {
    expect(await judge({ iss: `${String(claims.iss)}x` })).toBe('ISSUER_UNKNOWN')
    expect(await judge({ exp: NOW - 60 })).toBe('TOKEN_EXPIRED')
    expect(await judge({ exp: undefined as never })).toBe('TOKEN_CLAIM_INVALID')
    expect(await judge({ sub: undefined as never })).toMatch(/TOKEN_(CLAIM_INVALID|NOT_AN_ACCOUNT)/)
    expect(await judge({ sub: '' })).toBe('TOKEN_CLAIM_INVALID')
  })

  test('refuses an audience or party of another app', async () => {
    if (claims.aud) expect(await judge({ aud: 'https://other.example' })).toBe('TOKEN_AUDIENCE_MISMATCH')
    else if (rules.authorizedParties) expect(await judge({ azp: 'https://evil.example' })).toBe('TOKEN_PARTY_MISMATCH')
    // The keys of WorkOS are those of one client.
    else expect(keys).toContain('client_123456789')
  })

  test('refuses algorithms that the provider does not use', async () => {
    if (rules.algorithms)
      for (const other of (['EdDSA', 'ES256', 'RS256'] as const).filter((name) => !rules.algorithms!.includes(name)))
        expect(await judge({}, other)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    expect(rules.algorithms?.includes('HS256') ?? false).toBe(false)
  })

  test('takes a key of the app in place of the address, and sends no request', async () => {
    const publicKey = (await exportSPKI(provider.keys[alg].publicKey)).replaceAll('\n', '')
    const { jwksUrl: _, ...others } = rules
    expect(await outcomeOf({ ...others, publicKey }, claims, alg)).toEqual({ outcome: principal, asked: [] })
  })
})

describe('Clerk', () => {
  const { claims } = PRESETS[0]!
  test('takes a token without `azp` only where that is allowed', async () => {
    const { azp: _, ...without } = claims
    const options = { issuer: 'https://clerk.notes.example', authorizedParties: ['https://notes.example'] }
    expect((await outcomeOf(clerk(options), without, 'RS256')).outcome).toBe('TOKEN_PARTY_MISMATCH')
    expect((await outcomeOf(clerk({ ...options, allowMissingParty: true }), without, 'RS256')).outcome).toBe(
      'user_2xyz',
    )
  })

  test('refuses the token of an OAuth application, also where `azp` may be missing', async () => {
    const { azp: _, ...without } = claims
    const rules = clerk({
      issuer: 'https://clerk.notes.example',
      authorizedParties: ['https://notes.example'],
      allowMissingParty: true,
    })
    const more = { client_id: 'oauth_app', scope: 'profile' }
    expect((await outcomeOf(rules, { ...without, ...more }, 'RS256', { typ: 'at+jwt' })).outcome).toBe(
      'TOKEN_NOT_AN_ACCOUNT',
    )
  })

  test('with the PEM of the dashboard fetches nothing', async () => {
    const publicKey = await exportSPKI(provider.keys.RS256.publicKey)
    const rules = clerk({
      issuer: 'https://clerk.notes.example',
      authorizedParties: ['https://notes.example'],
      publicKey,
    })
    expect(rules.jwksUrl).toBeUndefined()
    expect(await outcomeOf(rules, claims, 'RS256')).toEqual({ outcome: 'user_2xyz', asked: [] })
  })
})

describe('Auth0', () => {
  const { rules, claims } = PRESETS[1]!
  test('takes the RFC 9068 profile too', async () => {
    const { azp: _, ...without } = claims
    expect(
      (await outcomeOf(rules, { ...without, client_id: 'my_client_id', jti: '73Wa' }, 'RS256', { typ: 'at+jwt' }))
        .outcome,
    ).toBe('auth0|123456')
  })

  test('refuses an issuer without its slash, and tokens of programs', async () => {
    expect((await outcomeOf(rules, { ...claims, iss: 'https://my-domain.auth0.com' }, 'RS256')).outcome).toBe(
      'ISSUER_UNKNOWN',
    )
    expect((await outcomeOf(rules, { ...claims, gty: 'client-credentials' }, 'RS256')).outcome).toBe(
      'TOKEN_NOT_AN_ACCOUNT',
    )
    expect((await outcomeOf(rules, { ...claims, sub: 'my_client_id@clients' }, 'RS256')).outcome).toBe(
      'TOKEN_NOT_AN_ACCOUNT',
    )
  })

  test.each(['https://my-domain.auth0.com', 'my-domain.auth0.com/', '', 'user@my-domain.auth0.com', 'a b'])(
    'wants a domain, not %j',
    (domain) => {
      expect(() => auth0({ domain, audience: 'a' })).toThrow(TypeError)
    },
  )
})

describe('Supabase', () => {
  const { rules, claims } = PRESETS[2]!
  test.each<[string, JWTPayload]>([
    ['an anonymous user', { is_anonymous: true }],
    ['an anonymous user, oddly said', { is_anonymous: 'true' }],
    ['the anon key of the project', { role: 'anon' }],
    ['the service key of the project', { role: 'service_role' }],
    ['no user', { role: undefined }],
  ])('refuses %s', async (_, changes) => {
    expect((await outcomeOf(rules, { ...claims, ...changes }, 'ES256')).outcome).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test("refuses a token of the project's OAuth server, unless the app names the client", async () => {
    const token = { ...claims, client_id: '9a8b7c6d-5e4f-3a2b-1c0d-9e8f7a6b5c4d' }
    expect((await outcomeOf(rules, token, 'ES256')).outcome).toBe('TOKEN_NOT_AN_ACCOUNT')
    const named = supabase({ url: 'https://abc.supabase.co', clients: [token.client_id] })
    expect((await outcomeOf(named, token, 'ES256')).outcome).toBe(claims.sub)
  })

  test('takes a token of before there were anonymous users', async () => {
    expect((await outcomeOf(rules, { ...claims, is_anonymous: undefined }, 'RS256')).outcome).toBe(claims.sub)
  })
})

describe('Firebase', () => {
  const { claims } = PRESETS[3]!
  const rules = firebase({ projectId: 'my-project', keys: 'certificates' })

  test('takes the certificates by `kid` that Google publishes', async () => {
    const spki = createPublicKey(await exportSPKI(provider.keys.RS256.publicKey))
    const other = createPublicKey(await exportSPKI((await startedKeys()).publicKey))
    provider.answerWith(
      (_, response) => void response.end(JSON.stringify({ other: certificateOf(other), RS256: certificateOf(spki) })),
    )
    expect(await outcomeOf(rules, claims, 'RS256')).toEqual({
      outcome: 'uid1',
      asked: ['https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com'],
    })
    expect((await outcomeOf(rules, claims, 'RS256', { kid: 'other' })).outcome).toBe('TOKEN_SIGNATURE_INVALID')
    expect((await outcomeOf(rules, claims, 'RS256', { kid: 'third' })).outcome).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('refuses the certificates where a JWK set was expected, and the other way round', async () => {
    expect((await outcomeOf(rules, claims, 'RS256')).outcome).toBe('KEYS_UNAVAILABLE')
    provider.answerWith((_, response) => void response.end(JSON.stringify({ RS256: 'x' })))
    expect((await outcomeOf(firebase({ projectId: 'my-project' }), claims, 'RS256')).outcome).toBe('KEYS_UNAVAILABLE')
  })

  test('refuses anonymous users, and tokens without a time of sign-in', async () => {
    const jwks = firebase({ projectId: 'my-project' })
    expect((await outcomeOf(jwks, { ...claims, firebase: { sign_in_provider: 'anonymous' } }, 'RS256')).outcome).toBe(
      'TOKEN_NOT_AN_ACCOUNT',
    )
    expect((await outcomeOf(jwks, { ...claims, auth_time: undefined }, 'RS256')).outcome).toBe('TOKEN_CLAIM_INVALID')
  })

  async function startedKeys(): Promise<{ publicKey: CryptoKey }> {
    const { generateKeyPair } = await import('jose')
    return generateKeyPair('RS256')
  }
})

describe('WorkOS', () => {
  const { rules, claims } = PRESETS[4]!
  test('takes the issuer with and without its slash, and refuses a token without a session', async () => {
    expect((await outcomeOf(rules, { ...claims, iss: 'https://api.workos.com/' }, 'RS256')).outcome).toBe(claims.sub)
    expect((await outcomeOf(rules, { ...claims, sid: undefined }, 'RS256')).outcome).toBe('TOKEN_CLAIM_INVALID')
  })

  test('takes the issuer of environments since 2025, which names the client', async () => {
    const iss = 'https://api.workos.com/user_management/client_123456789'
    expect((await outcomeOf(rules, { ...claims, iss }, 'RS256')).outcome).toBe(claims.sub)
    expect((await outcomeOf(rules, { ...claims, iss: `${iss}x` }, 'RS256')).outcome).toBe('ISSUER_UNKNOWN')
  })

  test('takes a custom domain as the issuer', async () => {
    const custom = workos({ clientId: 'client_1', issuer: 'https://auth.notes.example' })
    expect((await outcomeOf(custom, { ...claims, iss: 'https://auth.notes.example' }, 'RS256')).outcome).toBe(
      claims.sub,
    )
    expect((await outcomeOf(custom, claims, 'RS256')).outcome).toBe('ISSUER_UNKNOWN')
  })
})

describe('Better Auth', () => {
  test('brings its aliases only as the issuer whose `sub` is the principal', () => {
    expect(betterAuthIssuer({ baseURL: 'https://a.example/api/auth' }).aliases).toBe(true)
    expect(betterAuthIssuer({ baseURL: 'https://a.example/api/auth', principal: 'namespaced' }).aliases).toBe(false)
    expect(() => betterAuthIssuer({ baseURL: '/api/auth' })).toThrow(TypeError)
  })
})

test('a rule that forgets its answer accepts nothing', async () => {
  const rules = firebase({ projectId: 'my-project', isAccount: () => undefined as unknown as boolean })
  expect((await outcomeOf(rules, PRESETS[3]!.claims, 'RS256')).outcome).toBe('TOKEN_NOT_AN_ACCOUNT')
})

test.each<[string, PresetOptions]>([
  ['a list of required claims', { requiredClaims: ['iat'] }],
  ['a rule of its own', { isAccount: () => true }],
])('%s of the app does not switch off what the preset checks', async (_, options) => {
  const anonymous = { firebase: { sign_in_provider: 'anonymous' } }
  for (const [rules, claims, reason] of [
    [
      firebase({ projectId: 'my-project', ...options }),
      { ...PRESETS[3]!.claims, ...anonymous },
      'TOKEN_NOT_AN_ACCOUNT',
    ],
    [
      firebase({ projectId: 'my-project', ...options }),
      { ...PRESETS[3]!.claims, auth_time: undefined },
      'TOKEN_CLAIM_INVALID',
    ],
    [
      workos({ clientId: 'client_123456789', ...options }),
      { ...PRESETS[4]!.claims, sid: undefined },
      'TOKEN_CLAIM_INVALID',
    ],
  ] as const)
    expect((await outcomeOf(rules, claims, 'RS256')).outcome).toBe(reason)
})

test.each<[string, () => ExternalIssuer]>([
  ['Clerk’s parties', () => clerk({ issuer: 'https://clerk.notes.example', authorizedParties: undefined as never })],
  ['Clerk’s parties that are not there', () => clerk({ issuer: 'https://clerk.notes.example' } as never)],
  ['Auth0’s audience', () => auth0({ domain: 'my-domain.auth0.com', audience: undefined as never })],
  ['Auth0’s audience that is not there', () => auth0({ domain: 'my-domain.auth0.com' } as never)],
  ['Supabase’s audience', () => supabase({ url: 'https://abc.supabase.co', audience: undefined as never })],
  ['Supabase’s clients', () => supabase({ url: 'https://abc.supabase.co', clients: undefined as never })],
  ['Firebase’s project', () => firebase({ projectId: undefined as never })],
  [
    'Better Auth’s audience',
    () => betterAuthIssuer({ baseURL: 'https://a.example/api', audience: undefined as never }),
  ],
])('an unset variable does not switch off what a preset checks: %s', (_, make) => {
  expect(() => createSessionResolver({ external: make() })).toThrow(TypeError)
})

test.each<[string, PresetOptions]>([
  ['aliases', { aliases: true }],
  ['its claim', { requiredClaims: ['auth_mode'] }],
])('a provider is no server that runs Latchkey: with %s', (_, options) => {
  const providers: (() => ExternalIssuer)[] = [
    () => clerk({ issuer: 'https://clerk.notes.example', authorizedParties: ['https://notes.example'], ...options }),
    () => auth0({ domain: 'my-domain.auth0.com', audience: 'a', ...options }),
    () => supabase({ url: 'https://abc.supabase.co', ...options }),
    () => firebase({ projectId: 'my-project', ...options }),
    () => workos({ clientId: 'client_1', ...options }),
  ]
  for (const make of providers) expect(make).toThrow('external')
  expect(betterAuthIssuer({ baseURL: 'https://a.example/api/auth', ...options })).toMatchObject({ aliases: true })
})

test('two providers with one subject are two people', async () => {
  const external = [
    { ...auth0({ domain: 'my-domain.auth0.com', audience: 'a' }), fetch: () => fetch(provider.jwksUrl) },
    {
      ...clerk({
        issuer: 'https://clerk.notes.example',
        authorizedParties: ['https://notes.example'],
        principal: 'namespaced',
      }),
      fetch: () => fetch(provider.jwksUrl),
    },
  ]
  const resolver = createSessionResolver({ clock: () => NOW * 1000, external })
  const tokens = [
    { iss: 'https://my-domain.auth0.com/', aud: 'a', sub: 'ada' },
    { ...PRESETS[0]!.claims, sub: 'ada' },
  ]
  const people = await Promise.all(
    tokens.map(async (claims) => resolver.resolve({ authorization: `Bearer ${await provider.sign(claims)}` })),
  )
  expect(people).toMatchObject([
    { session: { principal: 'ada' } },
    { session: { principal: expect.stringMatching(/^urn:latchkey:external:/) } },
  ])
})
