import { exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ALICE, NOW } from '../../tokens/forge.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { AUDIENCE, SUBJECT, type TestIssuer, startIssuer } from './issuer.testing.ts'
import { type FindPrincipal, namespacedPrincipal } from './principals.ts'
import { createSessionResolver } from '../resolver.ts'
import type { Resolution, SessionResolver } from '../types.ts'

let first: TestIssuer
let second: TestIssuer

beforeAll(async () => {
  first = await startIssuer()
  second = await startIssuer()
})

afterAll(() => Promise.all([first.close(), second.close()]))

const rulesOf = ({ issuer, jwksUrl }: TestIssuer, options: Partial<ExternalIssuer> = {}): ExternalIssuer => ({
  issuer,
  jwksUrl,
  audience: AUDIENCE,
  ...options,
})

function resolverOf(...external: ExternalIssuer[]): SessionResolver {
  return createSessionResolver({ clock: () => NOW * 1000, external })
}

/** The first with `sub`, the second as told. */
const both = (options: Partial<ExternalIssuer> = {}): SessionResolver =>
  resolverOf(rulesOf(first), rulesOf(second, { principal: 'namespaced', ...options }))

async function resolve(resolver: SessionResolver, token: string | Promise<string>): Promise<Resolution> {
  return resolver.resolve({ authorization: `Bearer ${await token}` })
}

async function outcomeOf(resolver: SessionResolver, token: string | Promise<string>): Promise<string> {
  const resolution = await resolve(resolver, token)
  return resolution.ok ? resolution.session.principal! : resolution.reason
}

describe('several issuers', () => {
  test('are told apart by `iss`, and never assert the same principal', async () => {
    const resolver = both()
    expect(await outcomeOf(resolver, first.sign())).toBe(SUBJECT)
    const other = await outcomeOf(resolver, second.sign())
    expect(other).toBe(await namespacedPrincipal(second.issuer, SUBJECT))
    expect(other).toMatch(/^urn:latchkey:external:[\w-]{43}$/)
  })

  test('a token of one with the name of the other is refused', async () => {
    expect(await outcomeOf(both(), second.sign({ iss: first.issuer }))).toBe('TOKEN_SIGNATURE_INVALID')
    expect(await outcomeOf(both(), first.sign({ iss: second.issuer }))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('the first cannot choose a name of the second, as subject or as alias', async () => {
    const stolen = await namespacedPrincipal(second.issuer, SUBJECT)
    expect(await outcomeOf(both(), first.sign({ sub: stolen }))).toBe('TOKEN_CLAIM_INVALID')
    const resolver = resolverOf(rulesOf(first, { aliases: true }), rulesOf(second, { principal: 'namespaced' }))
    expect(await outcomeOf(resolver, first.sign({ auth_mode: 'external', aliases: [stolen] }))).toBe(
      'TOKEN_CLAIM_INVALID',
    )
    expect(await outcomeOf(resolver, first.sign({ auth_mode: 'external', aliases: ['another'] }))).toBe(SUBJECT)
  })

  test('an own server names the accounts of other providers as its subjects', async () => {
    const theirs = await namespacedPrincipal(second.issuer, SUBJECT)
    const marked = { sub: theirs, auth_mode: 'external' }
    const own: Partial<ExternalIssuer>[] = [{ aliases: true }, { requiredClaims: ['auth_mode'] }]
    for (const options of own) {
      const resolver = resolverOf(rulesOf(first, options), rulesOf(second, { principal: 'namespaced' }))
      expect(await outcomeOf(resolver, first.sign(marked))).toBe(theirs)
      // What its key signs for others is no session, whichever option says that it is an own server.
      for (const claims of [{ sub: theirs }, { ...marked, auth_mode: 'x' }, { ...marked, scope: 'openid' }])
        expect(await outcomeOf(resolver, first.sign(claims))).toMatch(/^TOKEN_(CLAIM_INVALID|NOT_AN_ACCOUNT)$/)
    }
  })

  test('the second cannot bring aliases', async () => {
    const resolution = await resolve(both(), second.sign({ aliases: [SUBJECT] }))
    expect(resolution).toMatchObject({ session: { principals: [await namespacedPrincipal(second.issuer, SUBJECT)] } })
    expect(() => both({ aliases: true })).toThrow(TypeError)
  })

  test('a further one maps through its binding, and to its own id where there is none', async () => {
    const find = vi.fn<FindPrincipal>(async (subject) => (subject === SUBJECT ? 'bound' : null))
    const resolver = both({ principal: find })
    expect(await outcomeOf(resolver, second.sign())).toBe('bound')
    expect(await outcomeOf(resolver, second.sign({ sub: 'stranger' }))).toBe(
      await namespacedPrincipal(second.issuer, 'stranger'),
    )
    expect(find.mock.calls).toMatchObject([
      [SUBJECT, second.issuer, { sub: SUBJECT, iss: second.issuer }],
      ['stranger', second.issuer, { sub: 'stranger' }],
    ])
  })

  test('the binding is not asked about a token that does not verify', async () => {
    const find = vi.fn(async () => 'bound')
    await outcomeOf(both({ principal: find }), first.sign({ iss: second.issuer }))
    await outcomeOf(both({ principal: find }), second.sign({ exp: NOW - 1 }))
    expect(find).not.toHaveBeenCalled()
  })

  test('a binding names the principal and its aliases', async () => {
    const resolver = both({ principal: async () => ['bound', 'adopted', 'also adopted'] })
    expect(await resolve(resolver, second.sign({ aliases: [SUBJECT] }))).toMatchObject({
      session: { principal: 'bound', principals: ['bound', 'adopted', 'also adopted'] },
    })
    const alone = both({ principal: async () => ['bound'] })
    expect(await resolve(alone, second.sign())).toMatchObject({ session: { principals: ['bound'] } })
  })

  const tooMany = Array.from({ length: 18 }, (_, index) => `p${index}`)
  test.each<[unknown]>([
    [''],
    [7],
    [undefined],
    [{}],
    [[]],
    [['']],
    [['bound', 7]],
    [['bound', ['nested']]],
    [tooMany],
  ])('a binding that answers %j is a mistake of the app', async (answer) => {
    await expect(resolve(both({ principal: async () => answer as never }), second.sign())).rejects.toThrow(TypeError)
  })

  test('pairs of issuer and subject that read alike have ids of their own', async () => {
    const ids = await Promise.all([
      namespacedPrincipal('a', 'b"c'),
      namespacedPrincipal('a","b', 'c'),
      namespacedPrincipal('ab', 'c'),
      namespacedPrincipal('a', 'bc'),
    ])
    expect(new Set(ids).size).toBe(4)
  })

  test('two whose `sub` is the principal are refused at construction', () => {
    expect(() => resolverOf(rulesOf(first), rulesOf(second))).toThrow(/one issuer only/)
    expect(() => resolverOf(rulesOf(first, { principal: 'sub' }), rulesOf(second, { principal: 'sub' }))).toThrow(
      TypeError,
    )
    expect(() =>
      resolverOf(rulesOf(first, { principal: 'namespaced' }), rulesOf(second, { principal: 'namespaced' })),
    ).not.toThrow()
  })

  test('two entries of one name are refused at construction', () => {
    expect(() =>
      resolverOf(rulesOf(first), rulesOf(second, { issuer: first.issuer, principal: 'namespaced' })),
    ).toThrow(/twice/)
    expect(() => resolverOf(rulesOf(first, { issuer: [first.issuer, first.issuer] }))).toThrow(/twice/)
  })
})

describe('one issuer with several names', () => {
  test('is taken by each of them, as the same subject', async () => {
    const names = [first.issuer, `${first.issuer}/`]
    const resolver = resolverOf(rulesOf(first, { issuer: names, principal: 'namespaced' }))
    const outcomes = await Promise.all(names.map((iss) => outcomeOf(resolver, first.sign({ iss }))))
    expect(new Set(outcomes)).toEqual(new Set([await namespacedPrincipal(first.issuer, SUBJECT)]))
    expect(await outcomeOf(resolver, first.sign({ iss: `${first.issuer}//` }))).toBe('ISSUER_UNKNOWN')
  })
})

describe('the authorised party', () => {
  const authorizedParties = ['https://notes.example', 'https://app.example']

  test.each<[string, unknown, string]>([
    ['of the app', 'https://app.example', SUBJECT],
    ['of another app', 'https://evil.example', 'TOKEN_PARTY_MISMATCH'],
    ['with a slash', 'https://app.example/', 'TOKEN_PARTY_MISMATCH'],
    ['in a list', ['https://app.example'], 'TOKEN_PARTY_MISMATCH'],
    ['empty', '', 'TOKEN_PARTY_MISMATCH'],
    ['null', null, 'TOKEN_PARTY_MISMATCH'],
    ['missing', undefined, 'TOKEN_PARTY_MISMATCH'],
  ])('%s', async (_, azp, expected) => {
    const resolver = resolverOf(rulesOf(first, { authorizedParties }))
    expect(await outcomeOf(resolver, first.sign({ azp }))).toBe(expected)
    const lenient = resolverOf(rulesOf(first, { authorizedParties, allowMissingParty: true }))
    expect(await outcomeOf(lenient, first.sign({ azp }))).toBe(azp === undefined ? SUBJECT : expected)
  })

  test('is not looked at where none was given', async () => {
    expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({ azp: 'https://evil.example' }))).toBe(SUBJECT)
  })
})

describe('what else a token must say', () => {
  test('required claims', async () => {
    const resolver = resolverOf(rulesOf(first, { requiredClaims: ['sid'] }))
    expect(await outcomeOf(resolver, first.sign({ sid: 's' }))).toBe(SUBJECT)
    expect(await outcomeOf(resolver, first.sign())).toBe('TOKEN_CLAIM_INVALID')
    expect(await outcomeOf(resolver, first.sign({ sid: 's', exp: undefined as never }))).toBe('TOKEN_CLAIM_INVALID')
  })

  test('the type', async () => {
    const resolver = resolverOf(rulesOf(first, { type: 'at+jwt' }))
    expect(await outcomeOf(resolver, first.sign({}, { typ: 'at+jwt' }))).toBe(SUBJECT)
    for (const typ of ['JWT', undefined, 'id+jwt'])
      expect(await outcomeOf(resolver, first.sign({}, { typ }))).toBe('TOKEN_TYPE_UNEXPECTED')
  })

  test.each([
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'latchkey-proof+jwt',
    'oauth-authz-req+jwt',
    '',
    'x/jwt',
    7,
    null,
  ])('no type of another purpose, unless the app names it: %j', async (typ) => {
    expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({}, { typ }))).toBe('TOKEN_TYPE_UNEXPECTED')
  })

  test.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'application/JWT', undefined])(
    'a type of sessions: %j',
    async (typ) => {
      expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({}, { typ }))).toBe(SUBJECT)
    },
  )

  test('one of the types that the app names', async () => {
    const resolver = resolverOf(rulesOf(first, { type: ['okta+jwt', 'JWT'] }))
    for (const typ of ['okta+jwt', 'application/okta+jwt', 'JWT'])
      expect(await outcomeOf(resolver, first.sign({}, { typ }))).toBe(SUBJECT)
    for (const typ of ['at+jwt', undefined])
      expect(await outcomeOf(resolver, first.sign({}, { typ }))).toBe('TOKEN_TYPE_UNEXPECTED')
  })

  describe('a subject that is no device principal, where device keys are accepted as well', () => {
    const withDevices = (options: Partial<ExternalIssuer>): SessionResolver =>
      createSessionResolver({
        clock: () => NOW * 1000,
        localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
        external: rulesOf(first, options),
      })

    test.each([ALICE.principal, ALICE.principal.toUpperCase()])('%s of an issuer without devices', async (sub) => {
      expect(await outcomeOf(withDevices({}), first.sign({ sub }))).toBe('TOKEN_CLAIM_INVALID')
      expect(await outcomeOf(withDevices({}), first.sign({ sub, auth_mode: 'external' }))).toBe('TOKEN_CLAIM_INVALID')
    })

    test('other issuers, other subjects and other rules are unaffected', async () => {
      const sub = ALICE.principal
      const uuid = '123e4567-e89b-42d3-a456-426614174000'
      expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({ sub }))).toBe(sub)
      expect(await outcomeOf(withDevices({}), first.sign({ sub: uuid }))).toBe(uuid)
      expect(await outcomeOf(withDevices({ aliases: true }), first.sign({ sub, auth_mode: 'external' }))).toBe(sub)
      expect(await outcomeOf(withDevices({ principal: 'namespaced' }), first.sign({ sub }))).toBe(
        await namespacedPrincipal(first.issuer, sub),
      )
    })
  })

  test('no OAuth client that the app does not name', async () => {
    const named = resolverOf(rulesOf(first, { clients: ['notes-web'] }))
    expect(await outcomeOf(named, first.sign())).toBe(SUBJECT)
    expect(await outcomeOf(named, first.sign({ client_id: 'notes-web', scope: 'openid' }))).toBe(SUBJECT)
    const none = resolverOf(rulesOf(first, { clients: [] }))
    for (const claims of [{ client_id: 'notes-web' }, { azp: 'notes-web' }, { scope: '' }, { scp: ['openid'] }])
      expect(await outcomeOf(none, first.sign(claims))).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test.each([{ jkt: 'a' }, { 'x5t#S256': 'a' }, {}, null])(
    'no key that its bearer would have to prove: %j',
    async (cnf) => {
      const resolver = resolverOf(rulesOf(first))
      expect(await outcomeOf(resolver, first.sign({ cnf }))).toBe('TOKEN_CLAIM_INVALID')
    },
  )

  test('that it stands for an account', async () => {
    const resolver = resolverOf(rulesOf(first, { isAccount: ({ bot }) => bot !== true }))
    expect(await outcomeOf(resolver, first.sign())).toBe(SUBJECT)
    expect(await outcomeOf(resolver, first.sign({ bot: true }))).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test.each<unknown>([undefined, 'yes', 1, Promise.resolve(false)])(
    'that it stands for an account, which only `true` says, not %j',
    async (answer) => {
      const resolver = resolverOf(rulesOf(first, { isAccount: () => answer as boolean }))
      expect(await outcomeOf(resolver, first.sign())).toBe('TOKEN_NOT_AN_ACCOUNT')
    },
  )

  test.each(['a\u0000b', 'a\nb', 'a\u0085', 'a\ud800', '\udc00'])(
    'a subject without control characters, unlike %j',
    async (sub) => {
      expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({ sub }))).toBe('TOKEN_CLAIM_INVALID')
      const namespaced = resolverOf(rulesOf(first, { principal: 'namespaced' }))
      expect(await outcomeOf(namespaced, first.sign({ sub }))).toBe('TOKEN_CLAIM_INVALID')
    },
  )

  test('a subject of at most 255 characters', async () => {
    expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({ sub: 's'.repeat(255) }))).toBe('s'.repeat(255))
    expect(await outcomeOf(resolverOf(rulesOf(first)), first.sign({ sub: 's'.repeat(256) }))).toBe(
      'TOKEN_CLAIM_INVALID',
    )
  })

  test('and the cause of a refusal carries none of it', async () => {
    const { createExternalVerifiers } = await import('./verifier.ts')
    const verifier = createExternalVerifiers(rulesOf(first), () => NOW * 1000, 0).get(first.issuer)!
    const token = await first.sign({ exp: NOW - 1, email: 'ada@example.org' })
    const verify = async (): Promise<unknown> => verifier.verify(token)
    const error = await verify().catch((thrown: unknown) => thrown)
    const { cause } = error as Error
    expect(`${JSON.stringify(error)}${JSON.stringify(cause)}${Object.values(cause as object).join()}`).not.toContain(
      'ada@',
    )
  })
})

describe('createSessionResolver refuses an issuer', () => {
  test.each<[string, Partial<ExternalIssuer>]>([
    ['with the name of device keys', { issuer: 'urn:latchkey:local-first' }],
    ['with no name in the list', { issuer: [] }],
    ['with an empty name in the list', { issuer: ['https://a.example', ''] }],
    ['with no party in the list', { authorizedParties: [] }],
    ['with an empty party', { authorizedParties: [''] }],
    ['with an empty type', { type: '' }],
    ['with no type', { type: [] }],
    ['with an empty client', { clients: [''] }],
    ['with no algorithm', { algorithms: [] }],
    ['with an unknown rule for the principal', { principal: 'email' as never }],
    ['with a negative tolerance', { clockTolerance: -1 }],
    ['with a tolerance of an hour', { clockTolerance: 3600 }],
    ['with a tolerance that is none', { clockTolerance: Number.NaN }],
    ['with no time to get the keys', { timeout: 0 }],
    ['with a minute to get the keys', { timeout: 60_000 }],
    ['with a tolerance just over five minutes', { clockTolerance: 301 }],
    ['with just over half a minute to get the keys', { timeout: 30_001 }],
    ['with a user in the address', { jwksUrl: 'https://user@issuer.example/jwks' }],
    ['with a password alone in the address', { jwksUrl: 'https://:password@issuer.example/jwks' }],
    ['with a password in the address', { jwksUrl: 'https://user:password@issuer.example/jwks' }],
  ])('%s', (_, options) => {
    expect(() => resolverOf(rulesOf(first, options))).toThrow(TypeError)
  })
})

test.each([{ clockTolerance: 300 }, { timeout: 30_000 }, { timeout: 1 }])(
  'the largest and smallest are taken: %j',
  (options) => {
    expect(() => resolverOf(rulesOf(first, options))).not.toThrow()
  },
)

test('a token is not taken by a key of the set whose algorithm another issuer uses', async () => {
  const publicKey = (await exportJWK(second.keys.ES256.publicKey)) as Record<string, unknown>
  const resolver = resolverOf(rulesOf(first), { issuer: 'https://second.example', publicKey, principal: 'namespaced' })
  expect(await outcomeOf(resolver, second.sign({ iss: 'https://second.example' }, { alg: 'ES256' }))).toMatch(/^urn:/)
  expect(await outcomeOf(resolver, second.sign({ iss: 'https://second.example' }, { alg: 'RS256' }))).toBe(
    'TOKEN_ALGORITHM_FORBIDDEN',
  )
  expect(await outcomeOf(resolver, first.sign({ iss: 'https://second.example' }, { alg: 'ES256' }))).toBe(
    'TOKEN_SIGNATURE_INVALID',
  )
})
