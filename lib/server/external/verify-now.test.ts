import { describe, expect, test, vi } from 'vitest'
import { outcome } from '../../tokens/forge.testing.ts'
import { type NowRules, verifyNow } from './verify-now.ts'

const NOW = 1_000_000
const HEADER = { alg: 'ES256', kid: 'a' }
const CLAIMS = { iss: 'https://issuer.example', aud: 'app', sub: 'ada', exp: NOW + 60, role: 'member' }
const INPUT = new Uint8Array(1)
const SIGNATURE = new Uint8Array(2)

/** A key under which every signature matches, so that only the other checks can refuse. */
function keyOf(alg = 'ES256', matches = true): { alg: string; cryptoKey: never; check: ReturnType<typeof vi.fn> } {
  return { alg, cryptoKey: {} as never, check: vi.fn(() => matches) }
}

function verify(
  given: { header?: object; claims?: object; now?: number; key?: object | undefined } = {},
  rules: Partial<NowRules> = {},
): unknown {
  const { header = HEADER, claims = CLAIMS, now = NOW } = given
  const key = 'key' in given ? given.key : keyOf()
  const known = vi.fn(() => key as never)
  return verifyNow(
    { header: header as never, claims: claims as never, input: INPUT, signature: SIGNATURE },
    {
      keys: { known, find: async () => Promise.reject(new Error('not at once')) },
      algorithms: ['ES256', 'RS256'],
      issuers: ['https://issuer.example'],
      audience: ['app', 'app-2'],
      requiredClaims: ['exp', 'sub', 'role'],
      clockTolerance: 5,
      ...rules,
    },
    now,
  )
}

test('a token of the usual form is verified at once, by the bytes that were signed', () => {
  const key = keyOf()
  expect(verify({ key })).toBe(key)
  expect(key.check).toHaveBeenCalledExactlyOnceWith(INPUT, SIGNATURE)
})

describe('is left to jose, and no signature checked', () => {
  test.each<[string, object]>([
    ['an algorithm that was not chosen', { alg: 'EdDSA' }],
    ['no algorithm', { kid: 'a' }],
    ['an algorithm in a list', { alg: ['ES256'] }],
    ['`crit`', { ...HEADER, crit: ['exp'] }],
    ['an empty `crit`', { ...HEADER, crit: [] }],
    ['`crit` that is null', { ...HEADER, crit: null }],
    ['`b64`', { ...HEADER, b64: false }],
    ['`b64` that changes nothing', { ...HEADER, b64: true }],
  ])('%s', (_, header) => {
    const key = { ...keyOf(), alg: (header as { alg: string }).alg }
    expect(verify({ header, key })).toBeUndefined()
    expect(key.check).not.toHaveBeenCalled()
  })

  test('a key of another algorithm', () => {
    const key = keyOf('RS256')
    expect(verify({ key })).toBeUndefined()
    expect(key.check).not.toHaveBeenCalled()
  })

  test('a key that was not found yet, or that cannot be used at once', () => {
    expect(verify({ key: undefined })).toBeUndefined()
    expect(verify({ key: { ...keyOf(), check: undefined } })).toBeUndefined()
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a clock that returns %d', (now) => {
    const key = keyOf()
    let used: unknown
    expect(() => (used = verify({ key, now }))).not.toThrow()
    expect(used).toBeUndefined()
    expect(key.check).not.toHaveBeenCalled()
  })
})

test('a signature that does not match is refused', async () => {
  expect(await outcome(() => verify({ key: keyOf('ES256', false) }))).toBe('TOKEN_SIGNATURE_INVALID')
})

describe('claims', () => {
  const { iss, aud, sub, exp, role } = CLAIMS

  const REFUSED: readonly [string, object, string][] = [
    ['no issuer', { aud, sub, exp, role }, 'TOKEN_ISSUER_MISMATCH'],
    ['another issuer', { ...CLAIMS, iss: `${iss}/` }, 'TOKEN_ISSUER_MISMATCH'],
    ['an issuer in a list', { ...CLAIMS, iss: [iss] }, 'TOKEN_ISSUER_MISMATCH'],
    ['no audience', { iss, sub, exp, role }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['another audience', { ...CLAIMS, aud: 'app-3' }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['a list of other audiences', { ...CLAIMS, aud: ['app-3', 'app-4'] }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['an empty list of audiences', { ...CLAIMS, aud: [] }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['a nested list of audiences', { ...CLAIMS, aud: [['app']] }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['an audience that has one as a member', { ...CLAIMS, aud: { 0: 'app' } }, 'TOKEN_AUDIENCE_MISMATCH'],
    ['no subject', { iss, aud, exp, role }, 'TOKEN_CLAIM_INVALID'],
    ['no required claim', { iss, aud, sub, exp }, 'TOKEN_CLAIM_INVALID'],
    [
      'a required claim that is inherited',
      Object.assign(Object.create({ role }), { iss, aud, sub, exp }),
      'TOKEN_CLAIM_INVALID',
    ],
    ['no expiry', { iss, aud, sub, role }, 'TOKEN_CLAIM_INVALID'],
    ['an expiry that is not a number', { ...CLAIMS, exp: String(exp) }, 'TOKEN_CLAIM_INVALID'],
    ['an expiry that is null', { ...CLAIMS, exp: null }, 'TOKEN_CLAIM_INVALID'],
    ['an expiry in a list', { ...CLAIMS, exp: [exp] }, 'TOKEN_CLAIM_INVALID'],
    ['an expiry in the past', { ...CLAIMS, exp: NOW - 5 }, 'TOKEN_EXPIRED'],
    ['a start in the future', { ...CLAIMS, nbf: NOW + 6 }, 'TOKEN_NOT_YET_VALID'],
    ['a start that is no number', { ...CLAIMS, nbf: '0' }, 'TOKEN_NOT_YET_VALID'],
    ['a start that is null', { ...CLAIMS, nbf: null }, 'TOKEN_NOT_YET_VALID'],
    ['an issue time that is not a number', { ...CLAIMS, iat: '0' }, 'TOKEN_NOT_YET_VALID'],
    ['a time of issue that is null', { ...CLAIMS, iat: null }, 'TOKEN_NOT_YET_VALID'],
  ]

  test.each(REFUSED.map(([name, claims, code]) => ({ name, claims, code })))(
    '$name: $code',
    async ({ claims, code }) => {
      expect(await outcome(() => verify({ claims }))).toBe(code)
    },
  )

  test.each<[string, object]>([
    ['one of several audiences', { ...CLAIMS, aud: ['app-3', 'app-2'] }],
    ['an expiry within the tolerance', { ...CLAIMS, exp: NOW - 4 }],
    ['a start within the tolerance', { ...CLAIMS, nbf: NOW + 5 }],
    ['a time of issue in the future, as jose has it', { ...CLAIMS, iat: NOW + 3600 }],
  ])('%s: accepted', async (_, claims) => {
    expect(await outcome(() => verify({ claims }))).toBe('accepted')
  })

  test('an audience is not required where none was given', async () => {
    expect(await outcome(() => verify({ claims: { iss, sub, exp, role } }, { audience: undefined }))).toBe('accepted')
  })
})
