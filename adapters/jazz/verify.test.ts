import { createHmac } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import {
  type Members,
  ORDER,
  encode,
  fitsEquation,
  forge,
  fromLittleEndian,
  outcome,
  seal,
  text,
  toLittleEndian,
} from '../../lib/tokens/forge.testing.ts'
import { ALICE, APP, AUDIENCE, BOB, HEADER, IDENTITIES, NOW, claimsOf, clock, userIdOf } from './jazz.testing.ts'
import { type JazzVerifierOptions, createJazzVerifier } from './server.ts'

const judge = (token: string, options: Partial<JazzVerifierOptions> = {}): Promise<string> =>
  outcome(() => createJazzVerifier({ audience: APP, clock, ...options }).verify(token))

const whole = { header: HEADER, claims: claimsOf() }
const withHeader = (members: Members): string => forge({ ...whole, header: { ...HEADER, ...members } }, ALICE)
const withClaims = (members: Members): string => forge({ ...whole, claims: { ...claimsOf(), ...members } }, ALICE)
/** Claims with one text in them replaced, for what JSON.stringify does not write. */
const withText = (from: string, to: string): string => {
  const claims = text(whole.claims)
  if (!claims.includes(from)) throw new Error(`nothing to replace: ${from}`)
  return forge({ ...whole, claims: claims.replace(from, to) }, ALICE)
}
const WHOLE = forge(whole, ALICE)

describe.each(IDENTITIES.map((identity) => [identity.name, identity] as const))('the tokens of %s', (_, identity) => {
  const verifier = createJazzVerifier({ audience: identity.audience, clock })

  test('are accepted, with the identity and the mode', async () => {
    expect(await verifier.verify(identity.token)).toEqual({
      userId: identity.user_id,
      authMode: 'local-first',
      publicKey: identity.public_key_b64url,
      claims: {
        iss: 'urn:jazz:local-first',
        sub: identity.user_id,
        aud: identity.audience_normalised,
        jazz_pub_key: identity.public_key_b64url,
        iat: identity.now,
        exp: identity.now + identity.ttl,
      },
    })
    expect(await verifier.verify(identity.anonymous_token)).toMatchObject({
      userId: identity.user_id,
      authMode: 'anonymous',
    })
  })

  test('are known from then on, and frozen', async () => {
    const fresh = createJazzVerifier({ audience: identity.audience, clock })
    expect(fresh.isKnown(identity.token)).toBe(false)
    const first = await fresh.verify(identity.token)
    expect(fresh.isKnown(identity.token)).toBe(true)
    expect(await fresh.verify(identity.token)).toBe(first)
    expect(Object.isFrozen(first) && Object.isFrozen(first.claims)).toBe(true)
  })

  test('are those of the audience under its UUID, too', async () => {
    for (const audience of [identity.audience_normalised, identity.audience_normalised.toUpperCase(), ['x', 'my-app']])
      expect(await judge(identity.token, { audience })).toBe('accepted')
  })
})

test('a token is accepted with its members in another order, and spaced', async () => {
  const claims = JSON.stringify(Object.fromEntries(Object.entries(claimsOf()).toReversed()), null, 2)
  expect(await judge(forge({ header: '{ "typ":"JWT", "alg":"EdDSA" }', claims }, ALICE))).toBe('accepted')
})

describe('the header', () => {
  test.each(['jwt', 'at+jwt', 'latchkey+jwt', 'latchkey-proof+jwt', 'JWT ', 'application/jwt', '', null, undefined, 1])(
    'with the type %j is refused',
    async (typ) => expect(await judge(withHeader({ typ }))).toBe('TOKEN_TYPE_UNEXPECTED'),
  )

  test.each([
    'none',
    'Ed25519',
    'Ed448',
    'eddsa',
    'EDDSA',
    'EdDSA ',
    'ES256',
    'RS256',
    'HS256',
    '',
    null,
    undefined,
    ['EdDSA'],
    0,
  ])('with the algorithm %j is refused', async (alg) => {
    expect(await judge(withHeader({ alg }))).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })

  test('with none, and no signature, is refused', async () => {
    const input = `${encode('{"alg":"none","typ":"JWT"}')}.${encode(text(whole.claims))}`
    expect(await judge(`${input}.`)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    expect(await judge(`${WHOLE.slice(0, WHOLE.lastIndexOf('.'))}.`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
  })

  test('with HS256 and the public key as the secret is refused', async () => {
    const input = `${encode('{"alg":"HS256","typ":"JWT"}')}.${encode(text(whole.claims))}`
    const mac = createHmac('sha256', Buffer.from(ALICE.x, 'base64url')).update(input).digest()
    expect(await judge(`${input}.${encode(mac)}`)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })

  test.each<Members>([
    { crit: ['exp'] },
    { crit: [] },
    { jwk: { kty: 'OKP', crv: 'Ed25519', x: BOB.x } },
    { jku: 'https://evil.example' },
    { x5u: 'https://evil.example' },
    { x5c: [] },
    { b64: false },
    { kid: 'one' },
    { cty: 'JWT' },
    { zip: 'DEF' },
    { enc: 'A128GCM' },
    { ALG: 'EdDSA' },
  ])('with %j is refused', async (more) => expect(await judge(withHeader(more))).toBe('TOKEN_HEADER_FORBIDDEN'))
})

describe('the claims', () => {
  test.each<Members>([
    { role: 'admin' },
    { roles: ['admin'] },
    { nbf: NOW },
    { nbf: NOW + 1000 },
    { jti: 'x' },
    { claims: { role: 'admin' } },
    { auth_mode: 'external' },
    { aliases: [] },
    { sub_jwk: { kty: 'OKP', crv: 'Ed25519', x: ALICE.x } },
    { delegation: 'x' },
    { scope: '' },
    { '': null },
  ])('with %j are refused', async (more) => expect(await judge(withClaims(more))).toBe('TOKEN_CLAIM_UNKNOWN'))

  test('with a member named __proto__ are refused', async () => {
    expect(await judge(withText('{', '{"__proto__":{"role":"admin"},'))).toBe('TOKEN_CLAIM_UNKNOWN')
  })

  test.each([
    'urn:latchkey:local-first',
    'urn:jazz:LOCAL-FIRST',
    'urn:jazz:local-first ',
    'urn:jazz:',
    'urn:jazz:external',
    'https://notes.example',
    '',
    null,
    undefined,
    ['urn:jazz:local-first'],
  ])('with the issuer %j are refused', async (iss) => {
    expect(await judge(withClaims({ iss }))).toBe('TOKEN_ISSUER_MISMATCH')
  })

  test.each([
    APP,
    'test-app',
    '9d8eec59-b2e1-5975-9d1f-7c9564520324',
    AUDIENCE.toUpperCase(),
    AUDIENCE.replaceAll('-', ''),
    `urn:uuid:${AUDIENCE}`,
    `${AUDIENCE} `,
    [AUDIENCE],
    '',
    null,
    undefined,
    0,
  ])('with the audience %j are refused', async (aud) => {
    expect(await judge(withClaims({ aud }))).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test.each([
    BOB.principal,
    ALICE.principal.toUpperCase(),
    ALICE.principal.replaceAll('-', ''),
    `urn:uuid:${ALICE.principal}`,
    ` ${ALICE.principal}`,
    '',
    null,
    undefined,
    [ALICE.principal],
  ])('with the subject %j are refused', async (sub) => {
    expect(await judge(withClaims({ sub }))).toBe('TOKEN_SUBJECT_MISMATCH')
  })

  test("with another key's public key, under that key's own id, are refused", async () => {
    expect(await judge(withClaims({ jazz_pub_key: BOB.x }))).toBe('TOKEN_SUBJECT_MISMATCH')
    expect(await judge(withClaims({ jazz_pub_key: BOB.x, sub: BOB.principal }))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test.each([
    null,
    undefined,
    '',
    1,
    [ALICE.x],
    { x: ALICE.x },
    `${ALICE.x}=`,
    ` ${ALICE.x}`,
    ALICE.x.slice(0, 42),
    `${ALICE.x}A`,
    // Bits after the last byte.
    `${ALICE.x.slice(0, 42)}l`,
    ALICE.x.replaceAll('_', '/').replaceAll('-', '+'),
    Buffer.from(ALICE.x, 'base64url').toString('hex'),
  ])('with the public key %j are refused', async (key) => {
    expect(await judge(withClaims({ jazz_pub_key: key }))).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each([
    ['"iss":"urn:jazz:local-first"', '"iss":"urn:jazz:anonymous","iss":"urn:jazz:local-first"'],
    ['"iat":', `"exp":1,"iat":`],
    ['"iss":', '"\\u0069ss":"urn:jazz:anonymous","iss":'],
  ])('with a member twice are refused: %s', async (from, to) => {
    expect(await judge(withText(from, to))).toBe('TOKEN_MEMBER_DUPLICATE')
  })
})

describe('the times', () => {
  const at = (seconds: number) => ({ clock: () => seconds * 1000 })

  test.each(['iat', 'exp'])('need `%s`', async (name) => {
    for (const value of [undefined, null, String(NOW), [NOW], true, NOW + 0.5, 1e300, 2 ** 53])
      expect(await judge(withClaims({ [name]: value }))).toBe('TOKEN_TIME_INVALID')
  })

  test('end at `exp`', async () => {
    expect(await judge(WHOLE, at(NOW + 899.999))).toBe('accepted')
    expect(await judge(WHOLE, at(NOW + 900))).toBe('TOKEN_EXPIRED')
    expect(await judge(WHOLE, at(NOW + 10 ** 9))).toBe('TOKEN_EXPIRED')
  })

  test('begin at most 60 s ahead', async () => {
    expect(await judge(WHOLE, at(NOW - 60))).toBe('accepted')
    expect(await judge(WHOLE, at(NOW - 60.001))).toBe('TOKEN_NOT_YET_VALID')
    expect(await judge(WHOLE, at(NOW - 61))).toBe('TOKEN_NOT_YET_VALID')
  })

  test('last at most an hour, or less where the app says so', async () => {
    expect(await judge(withClaims({ exp: NOW + 3600 }))).toBe('accepted')
    expect(await judge(withClaims({ exp: NOW + 3601 }))).toBe('TOKEN_LIFETIME_EXCEEDED')
    expect(await judge(withClaims({ iat: 0, exp: NOW + 1 }))).toBe('TOKEN_LIFETIME_EXCEEDED')
    expect(await judge(WHOLE, { longestLifetime: 900 })).toBe('accepted')
    expect(await judge(WHOLE, { longestLifetime: 899 })).toBe('TOKEN_LIFETIME_EXCEEDED')
  })

  test('that do not end after they begin are refused', async () => {
    for (const exp of [NOW + 10, NOW + 9])
      expect(await judge(withClaims({ iat: NOW + 10, exp }))).toBe('TOKEN_LIFETIME_EXCEEDED')
  })

  test('are refused by a clock that has no time', async () => {
    expect(await judge(WHOLE, at(Number.NaN))).toBe('TOKEN_EXPIRED')
  })

  test('of a token that was verified before are checked again', async () => {
    let now = NOW
    const verifier = createJazzVerifier({ audience: APP, clock: () => now * 1000 })
    await verifier.verify(WHOLE)
    now += 900
    expect(await outcome(() => verifier.verify(WHOLE))).toBe('TOKEN_EXPIRED')
    expect(verifier.isKnown(WHOLE)).toBe(false)
    now = NOW - 61
    expect(await outcome(() => verifier.verify(WHOLE))).toBe('TOKEN_NOT_YET_VALID')
  })
})

describe('the encoding', () => {
  const [header, claims, signature] = WHOLE.split('.') as [string, string, string]

  test.each([
    ['two parts', `${header}.${claims}`, 'TOKEN_MALFORMED'],
    ['four parts', `${WHOLE}.${signature}`, 'TOKEN_MALFORMED'],
    ['five parts, as a JWE has', `${WHOLE}.a.b`, 'TOKEN_MALFORMED'],
    ['nothing', '', 'TOKEN_MALFORMED'],
    ['an empty header', `.${claims}.${signature}`, 'TOKEN_MALFORMED'],
    ['padding after the header', `${header}=.${claims}.${signature}`, 'TOKEN_ENCODING_INVALID'],
    ['padding after the signature', `${WHOLE}==`, 'TOKEN_ENCODING_INVALID'],
    ['a space', `${header}. ${claims}.${signature}`, 'TOKEN_ENCODING_INVALID'],
    ['a line break at the end', `${WHOLE}\n`, 'TOKEN_ENCODING_INVALID'],
    [
      'stray bits in the signature',
      `${WHOLE.slice(0, -1)}${WHOLE.endsWith('w') ? 'x' : 'B'}`,
      'TOKEN_ENCODING_INVALID',
    ],
    ['the standard alphabet', `${header}.${claims}.${`${signature.slice(0, 84)}/Q`}`, 'TOKEN_ENCODING_INVALID'],
  ])('with %s is refused', async (_, token, code) => expect(await judge(token)).toBe(code))

  test('of no JSON, or of another value than an object, is refused', async () => {
    for (const part of ['', 'null', '[]', '"x"', '1', '{', '{"a":1,}', `\ufeff${text(whole.claims)}`]) {
      expect(await judge(forge({ header: HEADER, claims: part }, ALICE))).toBe('TOKEN_MALFORMED')
      expect(await judge(forge({ header: part, claims: whole.claims }, ALICE))).toBe('TOKEN_MALFORMED')
    }
  })

  test('of more than 4096 characters is refused before it is parsed', async () => {
    expect(await judge('.'.repeat(4097))).toBe('TOKEN_TOO_LARGE')
    expect(await judge('.'.repeat(4096))).toBe('TOKEN_MALFORMED')
  })
})

describe('the signature', () => {
  const input = WHOLE.slice(0, WHOLE.lastIndexOf('.'))
  const bytes = Buffer.from(WHOLE.slice(input.length + 1), 'base64url')

  test.each([0, 1, 32, 63, 65, 96, 128])('of %i bytes is refused', async (length) => {
    const changed = Buffer.concat([bytes, Buffer.alloc(64)]).subarray(0, length)
    expect(await judge(`${input}.${encode(changed)}`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
  })

  test('with S + L in place of S, which fits the same equation, is refused', async () => {
    const s = fromLittleEndian(bytes.subarray(32)) + ORDER
    const changed = Buffer.concat([bytes.subarray(0, 32), toLittleEndian(s)])
    expect(fitsEquation(input, changed, Buffer.from(ALICE.x, 'base64url'))).toBe(true)
    expect(await judge(`${input}.${encode(changed)}`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
  })

  test('of another key, or of other claims, does not fit', async () => {
    expect(await judge(forge(whole, BOB))).toBe('TOKEN_SIGNATURE_INVALID')
    const other = withClaims({ exp: NOW + 901 })
    expect(await judge(input + other.slice(other.lastIndexOf('.')))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test.each([0, 31, 32, 62])('with one bit of byte %i changed does not fit', async (index) => {
    const changed = Buffer.from(bytes)
    changed[index]! ^= 1
    expect(await judge(`${input}.${encode(changed)}`)).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('of an anonymous token does not fit a local-first one', async () => {
    const { token, anonymous_token: anonymous } = IDENTITIES[1]!
    const mixed = token.slice(0, token.lastIndexOf('.')) + anonymous.slice(anonymous.lastIndexOf('.'))
    expect(await judge(mixed)).toBe('TOKEN_SIGNATURE_INVALID')
  })
})

describe('a public key', () => {
  const SMALL_ORDER = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ]
  /** Not canonical: y is p or more, or x = 0 has a sign. */
  const NOT_CANONICAL = [
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    '0100000000000000000000000000000000000000000000000000000000000080',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]

  const under = (hex: string): string => {
    const key = Buffer.from(hex, 'hex')
    const claims = claimsOf({ x: encode(key), principal: userIdOf(key) })
    // R is the neutral element and S is 0: that verifies under a key of small order, for some texts or for all.
    const forged = Buffer.concat([Buffer.from(SMALL_ORDER[2]!, 'hex'), Buffer.alloc(32)])
    return `${encode(text(HEADER))}.${encode(text(claims))}.${encode(forged)}`
  }

  test.each(SMALL_ORDER)('of small order is refused: %s', async (hex) => {
    expect(await judge(under(hex))).toBe('TOKEN_KEY_SMALL_ORDER')
  })

  test.each(NOT_CANONICAL)('that is not canonical is refused: %s', async (hex) => {
    expect(await judge(under(hex))).toBe('TOKEN_KEY_NOT_CANONICAL')
  })

  test('that is no point on the curve is refused, also in the second token', async () => {
    const verifier = createJazzVerifier({ audience: APP, clock })
    for (let time = 0; time < 2; time++)
      expect(await outcome(() => verifier.verify(under(`02${'00'.repeat(31)}`)))).toBe('TOKEN_KEY_NOT_CANONICAL')
  })

  test('may sign nothing with R of small order, although the equation fits', async () => {
    const { signSmall } = await import('./small-r.testing.ts')
    const input = `${encode(text(HEADER))}.${encode(text(claimsOf()))}`
    const signature = signSmall(input)
    expect(fitsEquation(input, signature, Buffer.from(ALICE.x, 'base64url'))).toBe(true)
    expect(await judge(`${input}.${encode(signature)}`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
  })
})

describe('the cache', () => {
  test('takes a changed token for another one', async () => {
    const verifier = createJazzVerifier({ audience: APP, clock })
    await verifier.verify(WHOLE)
    const forged = seal(WHOLE.slice(0, WHOLE.lastIndexOf('.')), BOB)
    expect(await outcome(() => verifier.verify(forged))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('can be turned off, and keeps no more than it is told to', async () => {
    const none = createJazzVerifier({ audience: APP, clock, cacheSize: 0 })
    await none.verify(WHOLE)
    expect(none.isKnown(WHOLE)).toBe(false)
    const one = createJazzVerifier({ audience: APP, clock, cacheSize: 1 })
    await one.verify(WHOLE)
    await one.verify(IDENTITIES[2]!.token)
    expect([one.isKnown(WHOLE), one.isKnown(IDENTITIES[2]!.token)]).toEqual([false, true])
  })
})

test('the system clock is the default', async () => {
  vi.useFakeTimers({ now: NOW * 1000, toFake: ['Date'] })
  try {
    expect(await outcome(() => createJazzVerifier({ audience: APP }).verify(WHOLE))).toBe('accepted')
  } finally {
    vi.useRealTimers()
  }
})

test.each<Members>([
  {},
  { audience: '' },
  { audience: [] },
  { audience: [APP, ''] },
  { audience: [undefined] },
  { audience: 1 },
  { audience: APP, cacheSize: -1 },
  { audience: APP, cacheSize: Number.NaN },
  { audience: APP, longestLifetime: 0 },
  { audience: APP, longestLifetime: 3601 },
  { audience: APP, longestLifetime: 60.5 },
  { audience: 'x', longestLifeTime: 60 },
])('the options %j are a mistake', (options) => {
  expect(() => createJazzVerifier(options as never)).toThrow(TypeError)
})

test('no message of a refusal repeats a part of the token', async () => {
  const tokens = [withClaims({ sub: BOB.principal }), withClaims({ jazz_pub_key: 'abc' }), withHeader({ kid: 'one' })]
  for (const token of tokens) {
    const error = await createJazzVerifier({ audience: APP, clock }).verify(token).catch(String)
    for (const part of [...token.split('.'), ALICE.principal, BOB.principal, ALICE.x, 'one'])
      expect(error).not.toContain(part)
  }
})
