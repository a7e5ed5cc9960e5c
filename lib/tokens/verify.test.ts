import { createHmac, verify as nodeVerify } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import type { Purpose } from './claims.ts'
import {
  ACCOUNT_SERVER,
  ALICE,
  APP,
  BOB,
  type Members,
  NOW,
  ORDER,
  PROOF_HEADER,
  type Parts,
  TOKEN_HEADER,
  VECTORS,
  encode,
  fitsEquation,
  forge,
  fromLittleEndian,
  outcome,
  principalOf,
  proofClaims,
  seal,
  text,
  toLittleEndian,
  tokenClaims,
} from './forge.testing.ts'
import { type ProofExpectation, createProofVerifier, createTokenVerifier } from './verify.ts'

const clock = (): number => NOW * 1000

interface Kind {
  readonly name: string
  readonly header: Members
  readonly claims: () => Members
  readonly audience: string
  readonly most: number
  /** `accepted` or the code of the refusal. */
  judge(token: string, options?: { audience?: string; clock?: () => number }): Promise<string>
}

const KINDS: Kind[] = [
  {
    name: 'local-first token',
    header: TOKEN_HEADER,
    claims: tokenClaims,
    audience: APP,
    most: 3600,
    judge: (token, options) => outcome(() => createTokenVerifier({ audience: APP, clock, ...options }).verify(token)),
  },
  {
    name: 'proof',
    header: PROOF_HEADER,
    claims: proofClaims,
    audience: ACCOUNT_SERVER,
    most: 120,
    judge: (token, options) =>
      outcome(() =>
        createProofVerifier({ audience: ACCOUNT_SERVER, clock, ...options }).verify(token, { purpose: 'upgrade' }),
      ),
  },
]

describe.each(KINDS)('a $name', (kind) => {
  const whole: Parts = { header: kind.header, claims: kind.claims() }
  const withHeader = (members: Members): string => forge({ ...whole, header: { ...kind.header, ...members } })
  const withClaims = (members: Members): string => forge({ ...whole, claims: { ...kind.claims(), ...members } })
  const withJwk = (members: Members): string =>
    withClaims({ sub_jwk: { ...(kind.claims()['sub_jwk'] as Members), ...members } })
  /** Claims with one text in them replaced, for what JSON.stringify does not write. */
  const withText = (from: string, to: string): string => {
    const claims = text(whole.claims)
    if (!claims.includes(from)) throw new Error(`nothing to replace: ${from}`)
    return forge({ ...whole, claims: claims.replace(from, to) })
  }

  test('is accepted as it was minted', async () => {
    expect(await kind.judge(forge(whole))).toBe('accepted')
  })

  test('is accepted with the members in another order, and spaced', async () => {
    const claims = Object.fromEntries(Object.entries(kind.claims()).toReversed())
    expect(
      await kind.judge(
        forge({
          header: '{ "typ":"' + kind.header['typ'] + '", "alg":"EdDSA" }',
          claims: JSON.stringify(claims, null, 2),
        }),
      ),
    ).toBe('accepted')
  })

  describe('and its type', () => {
    test.each([
      ['of the other kind', kind === KINDS[0] ? 'latchkey-proof+jwt' : 'latchkey+jwt'],
      ['JWT', 'JWT'],
      ['at+jwt', 'at+jwt'],
      ['in other case', String(kind.header['typ']).toUpperCase()],
      ['as a media type', `application/${String(kind.header['typ'])}`],
      ['followed by a space', `${String(kind.header['typ'])} `],
      ['missing', undefined],
      ['null', null],
      ['a list', [kind.header['typ']]],
    ])('%s is refused', async (_, typ) => {
      expect(await kind.judge(withHeader({ typ }))).toBe('TOKEN_TYPE_UNEXPECTED')
    })

    test('only in a __proto__ is refused', async () => {
      const header = `{"alg":"EdDSA","__proto__":{"typ":"${String(kind.header['typ'])}"}}`
      expect(await kind.judge(forge({ ...whole, header }))).toBe('TOKEN_TYPE_UNEXPECTED')
    })
  })

  describe('and its algorithm', () => {
    test('Ed25519 of RFC 9864 is accepted', async () => {
      expect(await kind.judge(withHeader({ alg: 'Ed25519' }))).toBe('accepted')
    })

    test.each([
      'none',
      'None',
      'NONE',
      '',
      'HS256',
      'HS384',
      'HS512',
      'RS256',
      'RS512',
      'PS256',
      'ES256',
      'ES256K',
      'ES512',
      'Ed448',
      'eddsa',
      'EDDSA',
      'ed25519',
      'Ed25519ph',
      'EdDSA ',
      'ML-DSA-44',
      undefined,
      null,
      0,
      true,
      ['EdDSA'],
      { alg: 'EdDSA' },
    ])('%j is refused', async (alg) => {
      expect(await kind.judge(withHeader({ alg }))).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    })

    test('none without a signature is refused', async () => {
      const input = `${encode(text({ ...kind.header, alg: 'none' }))}.${encode(text(whole.claims))}`
      expect(await kind.judge(`${input}.`)).toBe('TOKEN_ALGORITHM_FORBIDDEN')
    })

    test('HS256 with the public key as the secret is refused', async () => {
      const secret = Buffer.from(ALICE.x, 'base64url')
      const hmac = { sign: (data: Uint8Array) => createHmac('sha256', secret).update(data).digest() }
      expect(await kind.judge(forge({ ...whole, header: { ...kind.header, alg: 'HS256' } }, hmac))).toBe(
        'TOKEN_ALGORITHM_FORBIDDEN',
      )
    })
  })

  test.each<Members>([
    { crit: ['exp'] },
    { crit: [] },
    { crit: ['b64'], b64: true },
    { b64: true },
    { b64: false },
    { jwk: { kty: 'OKP', crv: 'Ed25519', x: BOB.x } },
    { jku: 'https://evil.example/jwks' },
    { x5u: 'https://evil.example/chain' },
    { x5c: [] },
    { x5t: 'AA' },
    { kid: '../../dev/null' },
    { cty: 'JWT' },
    { zip: 'DEF' },
    { unknown: null },
  ])('with the header parameter %j is refused', async (members) => {
    expect(await kind.judge(withHeader(members))).toBe('TOKEN_HEADER_FORBIDDEN')
  })

  describe('and its claims', () => {
    test.each<Members>([
      { roles: ['admin'] },
      { role: 'admin' },
      { scope: 'write' },
      { aliases: ['00000000-0000-8000-8000-000000000000'] },
      { auth_mode: 'external' },
      { email: 'a@b.example' },
      { nbf: NOW },
      { cnf: {} },
      { azp: APP },
      { Sub: 'x' },
      { '': 1 },
      { toString: 1 },
      { unknown: null },
    ])('with one that is not in the table, %j, are refused', async (members) => {
      expect(await kind.judge(withClaims(members))).toBe('TOKEN_CLAIM_UNKNOWN')
    })

    test('with one named __proto__ are refused', async () => {
      expect(await kind.judge(withText('{"iss"', '{"__proto__":{"roles":["admin"]},"iss"'))).toBe('TOKEN_CLAIM_UNKNOWN')
    })

    test.each([[{ to: 'x' }], [null], ['']])('with `delegation` %j are refused as unsupported', async (delegation) => {
      expect(await kind.judge(withClaims({ delegation }))).toBe('DELEGATION_UNSUPPORTED')
    })

    test.each([
      'urn:latchkey:local-first ',
      'urn:latchkey:anonymous',
      'URN:latchkey:local-first',
      'https://accounts.example',
      '',
      undefined,
      null,
      ['urn:latchkey:local-first'],
    ])('with the issuer %j are refused', async (iss) => {
      expect(await kind.judge(withClaims({ iss }))).toBe('TOKEN_ISSUER_MISMATCH')
    })

    test.each([
      ['of another app', 'https://other.example'],
      ['in a list', [kind.audience]],
      ['in a list with others', [kind.audience, 'https://other.example']],
      ['in upper case', kind.audience.toUpperCase()],
      ['with a trailing slash', `${kind.audience}/`],
      ['with a path', `${kind.audience}/app`],
      ['with a space', `${kind.audience} `],
      ['cut short', kind.audience.slice(0, -1)],
      ['with its default port', `${kind.audience}:443`],
      ['empty', ''],
      ['null', null],
      ['missing', undefined],
      ['a number', 0],
    ])('with the audience %s are refused', async (_, aud) => {
      expect(await kind.judge(withClaims({ aud }))).toBe('TOKEN_AUDIENCE_MISMATCH')
    })

    test.each([
      ['of another user', BOB.principal],
      ['in upper case', ALICE.principal.toUpperCase()],
      ['without hyphens', ALICE.principal.replaceAll('-', '')],
      ['that differs in its last digit', ALICE.principal.slice(0, -1) + '0'],
      ['with a space', `${ALICE.principal} `],
      ['that is the key', ALICE.x],
      ['empty', ''],
      ['null', null],
      ['missing', undefined],
      ['in a list', [ALICE.principal]],
    ])('with a `sub` %s are refused', async (_, sub) => {
      expect(await kind.judge(withClaims({ sub }))).toBe('TOKEN_SUBJECT_MISMATCH')
    })
  })

  describe('and its key', () => {
    test.each([
      ['missing', undefined],
      ['null', null],
      ['a text', ALICE.x],
      ['a list', ['OKP', 'Ed25519', ALICE.x]],
      ['empty', {}],
    ])('%s is refused', async (_, jwk) => {
      expect(await kind.judge(withClaims({ sub_jwk: jwk }))).toBe('TOKEN_CLAIM_INVALID')
    })

    test.each<Members>([
      { kty: 'EC' },
      { kty: 'okp' },
      { kty: undefined },
      { crv: 'X25519' },
      { crv: 'Ed448' },
      { crv: undefined },
      { x: undefined },
      { x: 0 },
      { x: [ALICE.x] },
      { kid: 'a' },
      { d: ALICE.x },
      { alg: 'EdDSA' },
      { use: 'sig' },
    ])('with %j is refused', async (members) => {
      expect(await kind.judge(withJwk(members))).toBe('TOKEN_CLAIM_INVALID')
    })

    test.each([
      ['empty', ''],
      ['of 31 bytes', encode(Buffer.from(ALICE.x, 'base64url').subarray(1))],
      ['of 33 bytes', encode(Buffer.concat([Buffer.from(ALICE.x, 'base64url'), Buffer.of(0)]))],
      ['padded', `${ALICE.x}=`],
      ['with stray bits', `${ALICE.x.slice(0, -1)}9`],
      ['with a space', `${ALICE.x} `],
      ['in base64', Buffer.from(ALICE.x, 'base64url').toString('base64').replace('=', '')],
    ])('%s is refused', async (_, x) => {
      const sub = principalOf(x)
      expect(await kind.judge(withClaims({ sub, sub_jwk: { kty: 'OKP', crv: 'Ed25519', x } }))).toBe(
        'TOKEN_CLAIM_INVALID',
      )
    })
  })

  describe('with a member twice', () => {
    const type = `"typ":"${String(kind.header['typ'])}"`

    test.each([
      ['the same', `{"alg":"EdDSA",${type},${type}}`],
      ['escaped', `{"alg":"EdDSA",${type},"\\u0074yp":"${String(kind.header['typ'])}"}`],
      ['another value first', `{"alg":"none","alg":"EdDSA",${type}}`],
      ['another value last', `{"alg":"EdDSA",${type},"alg":"none"}`],
    ])('in the header, %s, is refused', async (_, header) => {
      expect(await kind.judge(forge({ ...whole, header }))).toBe('TOKEN_MEMBER_DUPLICATE')
    })

    test.each([
      ['the same', `"sub":"${ALICE.principal}","sub":"${ALICE.principal}"`],
      ['another value first', `"sub":"${BOB.principal}","sub":"${ALICE.principal}"`],
      ['another value last', `"sub":"${ALICE.principal}","sub":"${BOB.principal}"`],
      ['escaped', `"sub":"${ALICE.principal}","\\u0073ub":"${ALICE.principal}"`],
      ['escaped first', `"s\\u0075b":"${BOB.principal}","sub":"${ALICE.principal}"`],
    ])('in the claims, %s, is refused', async (_, members) => {
      expect(await kind.judge(withText(`"sub":"${ALICE.principal}"`, members))).toBe('TOKEN_MEMBER_DUPLICATE')
    })

    test.each([
      ['the same', `"x":"${ALICE.x}","x":"${ALICE.x}"`],
      ['another value first', `"x":"${BOB.x}","x":"${ALICE.x}"`],
      ['escaped', `"\\u0078":"${BOB.x}","x":"${ALICE.x}"`],
    ])('in its key, %s, is refused', async (_, members) => {
      expect(await kind.judge(withText(`"x":"${ALICE.x}"`, members))).toBe('TOKEN_MEMBER_DUPLICATE')
    })
  })

  describe('in base64url that is not canonical', () => {
    // 38 bytes and 1 more than a multiple of 3: the last character of each part has stray bits to set.
    const header = encode(padded(text(whole.header)))
    const claims = encode(padded(text(whole.claims)))

    test('as the canonical text of the same parts is accepted', async () => {
      expect(await kind.judge(seal(`${header}.${claims}`))).toBe('accepted')
    })

    test.each<[string, (part: string) => string]>([
      ['padding', (part) => `${part}==`],
      ['stray bits', strayed],
      ['a line feed at the end', (part) => `${part}\n`],
      ['a space inside', (part) => `${part.slice(0, 4)} ${part.slice(4)}`],
      ['a length of 1 modulo 4', (part) => `${part.slice(0, part.length - (part.length % 4))}A`],
      ['a character of base64', (part) => `${part.slice(0, -3)}+${part.slice(-2)}`],
    ])('with %s, each part is refused', async (_, spoil) => {
      expect(await kind.judge(seal(`${spoil(header)}.${claims}`))).toBe('TOKEN_ENCODING_INVALID')
      expect(await kind.judge(seal(`${header}.${spoil(claims)}`))).toBe('TOKEN_ENCODING_INVALID')
      const [, , signature] = seal(`${header}.${claims}`).split('.')
      expect(await kind.judge(`${header}.${claims}.${spoil(signature!)}`)).toBe('TOKEN_ENCODING_INVALID')
    })
  })

  describe('and its signature', () => {
    const [header, claims, signature] = forge(whole).split('.') as [string, string, string]
    const input = `${header}.${claims}`
    const bytes = Buffer.from(signature, 'base64url')
    const signatureWith = (s: bigint): Buffer => Buffer.concat([bytes.subarray(0, 32), toLittleEndian(s)])
    const withS = (s: bigint): string => `${input}.${encode(signatureWith(s))}`
    const s = fromLittleEndian(bytes.subarray(32))

    test('with S + L in place of S, which fits the same equation, is refused', async () => {
      const publicKey = Buffer.from(ALICE.x, 'base64url')
      expect(withS(s)).toBe(forge(whole))
      expect(fitsEquation(input, signatureWith(s), publicKey)).toBe(true)
      expect(fitsEquation(input, signatureWith(s + ORDER), publicKey)).toBe(true)
      expect(fitsEquation(input, signatureWith(s + 1n), publicKey)).toBe(false)
      expect(await kind.judge(withS(s + ORDER))).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
    })

    test.each([
      ['S = L', ORDER],
      ['S = L + 1', ORDER + 1n],
      ['S = 2^252 + 2^251', 2n ** 252n + 2n ** 251n],
      ['S = 2^253', 2n ** 253n],
      ['S = 2^255', 2n ** 255n],
      ['S of all ones', 2n ** 256n - 1n],
    ])('with %s is refused before it is tried', async (_, value) => {
      expect(await kind.judge(withS(value))).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
    })

    test.each([
      ['0', 0n],
      ['1', 1n],
      ['L - 1', ORDER - 1n],
      ['S + 1', (s + 1n) % ORDER],
      ['L - S', ORDER - s],
    ])('with S = %s does not fit', async (_, value) => {
      expect(await kind.judge(withS(value))).toBe('TOKEN_SIGNATURE_INVALID')
    })

    test.each([0, 1, 32, 63, 65, 96, 128])('of %i bytes is refused', async (length) => {
      const other = Buffer.concat([bytes, Buffer.alloc(64)]).subarray(0, length)
      expect(await kind.judge(`${input}.${encode(other)}`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
    })

    test('of another user does not fit', async () => {
      expect(await kind.judge(forge(whole, BOB))).toBe('TOKEN_SIGNATURE_INVALID')
    })

    test('of another token does not fit', async () => {
      const other = withClaims({ iat: NOW - 1 }).split('.')[2]!
      expect(await kind.judge(`${input}.${other}`)).toBe('TOKEN_SIGNATURE_INVALID')
    })

    test.each([0, 31, 32, 62])('with one bit of byte %i changed does not fit', async (index) => {
      const other = Uint8Array.from(bytes)
      other[index]! ^= 1
      expect(await kind.judge(`${input}.${encode(other)}`)).toBe('TOKEN_SIGNATURE_INVALID')
    })
  })

  describe('and its times', () => {
    test.each(['iat', 'exp'])('without `%s` are refused', async (name) => {
      expect(await kind.judge(withClaims({ [name]: undefined }))).toBe('TOKEN_TIME_INVALID')
    })

    test.each([
      'null',
      'true',
      '""',
      '"1760000000"',
      '[1760000000]',
      '{}',
      '1760000000.5',
      '1760000059.000001',
      '1e400',
      '-1e400',
      '9007199254740992',
      '1e300',
    ])('with %s in place of either are refused', async (value) => {
      expect(await kind.judge(withText(`"iat":${NOW}`, `"iat":${value}`))).toBe('TOKEN_TIME_INVALID')
      expect(await kind.judge(withText(`"exp":${String(kind.claims()['exp'])}`, `"exp":${value}`))).toBe(
        'TOKEN_TIME_INVALID',
      )
    })

    test('60 s ahead are accepted, 61 s are not', async () => {
      expect(await kind.judge(withClaims({ iat: NOW + 60, exp: NOW + 100 }))).toBe('accepted')
      expect(await kind.judge(withClaims({ iat: NOW + 61, exp: NOW + 100 }))).toBe('TOKEN_NOT_YET_VALID')
    })

    test('60 s and a millisecond ahead are refused', async () => {
      const token = withClaims({ iat: NOW + 60, exp: NOW + 100 })
      expect(await kind.judge(token, { clock: () => NOW * 1000 - 1 })).toBe('TOKEN_NOT_YET_VALID')
    })

    test('end at `exp` to the millisecond', async () => {
      const exp = Number(kind.claims()['exp'])
      expect(await kind.judge(forge(whole), { clock: () => exp * 1000 - 1 })).toBe('accepted')
      expect(await kind.judge(forge(whole), { clock: () => exp * 1000 })).toBe('TOKEN_EXPIRED')
      expect(await kind.judge(forge(whole), { clock: () => exp * 1000 + 1 })).toBe('TOKEN_EXPIRED')
    })

    test('that ended long ago are refused', async () => {
      expect(await kind.judge(withClaims({ iat: NOW - 100, exp: NOW - 50 }))).toBe('TOKEN_EXPIRED')
      expect(await kind.judge(withClaims({ iat: -50, exp: -1 }))).toBe('TOKEN_EXPIRED')
    })

    test('are held to the longest lifetime', async () => {
      expect(await kind.judge(withClaims({ exp: NOW + kind.most }))).toBe('accepted')
      expect(await kind.judge(withClaims({ exp: NOW + kind.most + 1 }))).toBe('TOKEN_LIFETIME_EXCEEDED')
      expect(await kind.judge(withClaims({ iat: NOW - 1, exp: NOW + kind.most }))).toBe('TOKEN_LIFETIME_EXCEEDED')
      expect(await kind.judge(withClaims({ exp: Number.MAX_SAFE_INTEGER }))).toBe('TOKEN_LIFETIME_EXCEEDED')
    })

    test('that do not end after they begin are refused', async () => {
      expect(await kind.judge(withClaims({ iat: NOW + 50, exp: NOW + 51 }))).toBe('accepted')
      expect(await kind.judge(withClaims({ iat: NOW + 50, exp: NOW + 50 }))).toBe('TOKEN_LIFETIME_EXCEEDED')
      expect(await kind.judge(withClaims({ iat: NOW + 50, exp: NOW + 49 }))).toBe('TOKEN_LIFETIME_EXCEEDED')
    })

    test('are refused by a clock that has no time', async () => {
      expect(await kind.judge(forge(whole), { clock: () => Number.NaN })).toBe('TOKEN_EXPIRED')
    })
  })

  test('of 4096 characters is accepted, of more it is refused before it is parsed', async () => {
    const { token, audience } = ofLength(4096, kind)
    expect(await kind.judge(token, { audience })).toBe('accepted')
    const longer = ofLength(4098, kind)
    const parse = vi.spyOn(JSON, 'parse')
    expect(await kind.judge(longer.token, { audience: longer.audience })).toBe('TOKEN_TOO_LARGE')
    expect(await kind.judge('.'.repeat(4097))).toBe('TOKEN_TOO_LARGE')
    expect(parse).not.toHaveBeenCalled()
    parse.mockRestore()
  })

  test.each([undefined, null, 5, {}, ['a.b.c'], new String('a.b.c')])(
    'that is no string is refused: %j',
    async (value) => {
      expect(await kind.judge(value as string)).toBe('TOKEN_MALFORMED')
    },
  )

  test.each([
    ['nothing', ''],
    ['two dots', '..'],
    ['words', 'not a token'],
    ['no signature', forge(whole).split('.').slice(0, 2).join('.')],
  ])('of %s is refused', async (_, token) => {
    expect(await kind.judge(token)).toBe('TOKEN_MALFORMED')
  })

  test('is the one that node:crypto verifies', () => {
    const [header, claims, signature] = forge(whole).split('.')
    expect(
      nodeVerify(null, Buffer.from(`${header}.${claims}`), ALICE.publicKey, Buffer.from(signature!, 'base64url')),
    ).toBe(true)
  })
})

describe('a local-first token', () => {
  test.each<Members>([
    { jti: 'AAAAAAAAAAAAAAAAAAAAAA' },
    { purpose: 'upgrade' },
    { nonce: 'n' },
    { link_to: BOB.principal },
    { digest: 'A'.repeat(43) },
  ])('with the proof claim %j is refused', async (members) => {
    const token = forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), ...members } })
    expect(await KINDS[0]!.judge(token)).toBe('TOKEN_CLAIM_UNKNOWN')
  })
})

describe('a proof', () => {
  const PURPOSES: Purpose[] = ['upgrade', 'bind', 'link', 'exchange', 'pair', 'backup']
  const DEVICE = encode(Buffer.alloc(32, 7))
  const verifier = createProofVerifier({ audience: ACCOUNT_SERVER, clock })
  const NONCE = 'n-0S6_WzA2Mj'
  const ACCOUNT = VECTORS[2]!.principal
  const DIGEST = encode(Buffer.alloc(32, 7))

  /** Claims with all that the purpose requires, and nothing else. */
  function claimsFor(purpose: Purpose, members: Members = {}): Members {
    const nonce = purpose === 'bind' || purpose === 'link' ? NONCE : undefined
    const named = {
      link_to: purpose === 'link' ? ACCOUNT : undefined,
      pair_to: purpose === 'pair' ? DEVICE : undefined,
      digest: purpose === 'backup' ? DIGEST : undefined,
    }
    return { ...proofClaims(), purpose, nonce, ...named, ...members }
  }

  function expectationFor(purpose: Purpose): ProofExpectation {
    const claims = claimsFor(purpose) as Partial<Record<'nonce' | 'link_to' | 'pair_to' | 'digest', string>>
    return { purpose, nonce: claims.nonce, linkTo: claims.link_to, pairTo: claims.pair_to, digest: claims.digest }
  }

  function judge(claims: Members, expectation: ProofExpectation): Promise<string> {
    return outcome(() => verifier.verify(forge({ header: PROOF_HEADER, claims }), expectation))
  }

  test.each(PURPOSES)('for %s is accepted for that act only', async (purpose) => {
    for (const expected of PURPOSES) {
      const needsNonce = expected === 'bind' || expected === 'link'
      const code = await judge(claimsFor(purpose), {
        ...expectationFor(purpose),
        purpose: expected,
        ...(needsNonce && { nonce: NONCE }),
      })
      expect(code).toBe(expected === purpose ? 'accepted' : 'PROOF_PURPOSE_MISMATCH')
    }
  })

  test('names the device that is let in for that act, and for no other', async () => {
    const other = encode(Buffer.alloc(32, 8))
    expect(await judge(claimsFor('pair'), { purpose: 'pair', pairTo: other })).toBe('PROOF_PAIR_MISMATCH')
    expect(await judge(claimsFor('pair'), { purpose: 'pair' })).toBe('PROOF_PAIR_MISMATCH')
    for (const pairTo of [undefined, null, '', 1, [DEVICE], DEVICE.slice(1), `${DEVICE}A`, encode(Buffer.alloc(31))])
      expect(await judge(claimsFor('pair', { pair_to: pairTo }), { purpose: 'pair', pairTo: DEVICE })).toBe(
        'TOKEN_CLAIM_INVALID',
      )
    for (const purpose of PURPOSES.filter((each) => each !== 'pair'))
      expect(await judge(claimsFor(purpose, { pair_to: DEVICE }), expectationFor(purpose))).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['Upgrade', 'upgrade ', 'unlink', '', 'toString', null, undefined, 0, ['upgrade']])(
    'for %j is refused',
    async (purpose) => {
      expect(await judge({ ...proofClaims(), purpose }, { purpose: 'upgrade' })).toBe('TOKEN_CLAIM_INVALID')
    },
  )

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['a number', 1],
    ['of 15 bytes', encode(Buffer.alloc(15))],
    ['of 17 bytes', encode(Buffer.alloc(17))],
    ['padded', `${encode(Buffer.alloc(16))}==`],
    ['with stray bits', `${'A'.repeat(21)}B`],
    ['with a space', `${'A'.repeat(22)} `],
    ['in base64', `+${'A'.repeat(21)}`],
    ['a UUID', '00000000-0000-4000-8000-000000000000'],
    ['in a list', [encode(Buffer.alloc(16))]],
  ])('with a jti %s is refused', async (_, jti) => {
    expect(await judge(claimsFor('upgrade', { jti }), { purpose: 'upgrade' })).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['upgrade', 'exchange'] as const)('for %s needs a nonce only where one was issued', async (purpose) => {
    expect(await judge(claimsFor(purpose), { purpose })).toBe('accepted')
    expect(await judge(claimsFor(purpose), { purpose, nonce: NONCE })).toBe('PROOF_NONCE_MISSING')
    expect(await judge(claimsFor(purpose, { nonce: NONCE }), { purpose, nonce: NONCE })).toBe('accepted')
    expect(await judge(claimsFor(purpose, { nonce: 'other' }), { purpose, nonce: NONCE })).toBe('PROOF_NONCE_MISMATCH')
  })

  test.each(['bind', 'link'] as const)('for %s always needs a nonce, the one that was issued', async (purpose) => {
    const { linkTo } = expectationFor(purpose)
    const bare = claimsFor(purpose, { nonce: undefined })
    expect(await judge(bare, { purpose, linkTo, nonce: NONCE })).toBe('PROOF_NONCE_MISSING')
    expect(await judge(claimsFor(purpose), { purpose, linkTo, nonce: NONCE.toLowerCase() })).toBe(
      'PROOF_NONCE_MISMATCH',
    )
  })

  test.each(['bind', 'link'] as const)(
    'for %s cannot be judged without the nonce that was issued: the caller has to say it',
    async (purpose) => {
      const { linkTo } = expectationFor(purpose)
      await expect(judge(claimsFor(purpose), { purpose, linkTo })).rejects.toBeInstanceOf(TypeError)
      await expect(judge(claimsFor(purpose), { purpose, linkTo, nonce: '' })).rejects.toBeInstanceOf(TypeError)
    },
  )

  test.each(['', null, 1, true, [NONCE], {}])('with the nonce %j is refused', async (nonce) => {
    expect(await judge(claimsFor('upgrade', { nonce }), { purpose: 'upgrade' })).toBe('TOKEN_CLAIM_INVALID')
    expect(await judge(claimsFor('bind', { nonce }), { purpose: 'bind', nonce: NONCE })).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['', null, 1, undefined, [ACCOUNT]])('for link with the account %j is refused', async (link_to) => {
    expect(await judge(claimsFor('link', { link_to }), expectationFor('link'))).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['upgrade', 'bind', 'exchange'] as const)('for %s that names an account is refused', async (purpose) => {
    const claims = claimsFor(purpose, { link_to: ACCOUNT })
    expect(await judge(claims, expectationFor(purpose))).toBe('TOKEN_CLAIM_INVALID')
    expect(await judge(claims, { ...expectationFor(purpose), linkTo: ACCOUNT })).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each([
    ['another account', BOB.principal],
    ['the same in other case', ACCOUNT.toUpperCase()],
    ['no account', undefined],
    ['an empty one', ''],
  ])('for link is refused where %s was meant', async (_, linkTo) => {
    expect(await judge(claimsFor('link'), { ...expectationFor('link'), linkTo })).toBe('PROOF_LINK_MISMATCH')
  })

  test('for another operation is refused where an account was meant', async () => {
    expect(await judge(claimsFor('upgrade'), { purpose: 'upgrade', linkTo: ACCOUNT })).toBe('PROOF_LINK_MISMATCH')
  })

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['a number', 1],
    ['of 31 bytes', encode(Buffer.alloc(31))],
    ['of 33 bytes', encode(Buffer.alloc(33))],
    ['padded', `${encode(Buffer.alloc(32))}=`],
    ['in a list', [encode(Buffer.alloc(32))]],
  ])('for a backup with a digest %s is refused', async (_, digest) => {
    expect(await judge(claimsFor('backup', { digest }), expectationFor('backup'))).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['upgrade', 'bind', 'exchange', 'link'] as const)('for %s with a digest is refused', async (purpose) => {
    const claims = claimsFor(purpose, { digest: DIGEST })
    expect(await judge(claims, expectationFor(purpose))).toBe('TOKEN_CLAIM_INVALID')
    expect(await judge(claims, { ...expectationFor(purpose), digest: DIGEST })).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each([
    ['another one', encode(Buffer.alloc(32, 8))],
    ['none', undefined],
    ['an empty one', ''],
  ])('for a backup is refused where %s was meant', async (_, digest) => {
    expect(await judge(claimsFor('backup'), { purpose: 'backup', digest })).toBe('PROOF_DIGEST_MISMATCH')
  })

  test('for another operation is refused where a backup was meant', async () => {
    expect(await judge(claimsFor('upgrade'), { purpose: 'upgrade', digest: DIGEST })).toBe('PROOF_DIGEST_MISMATCH')
  })
})

describe('a verifier', () => {
  const token = forge({ header: TOKEN_HEADER, claims: tokenClaims() })

  test('with several audiences takes each of them and no other', async () => {
    const verifier = createTokenVerifier({ audience: ['https://a.example', APP], clock })
    const judge = (aud: unknown): Promise<string> =>
      outcome(() => verifier.verify(forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), aud } })))
    expect(await judge(APP)).toBe('accepted')
    expect(await judge('https://a.example')).toBe('accepted')
    expect(await judge('https://b.example')).toBe('TOKEN_AUDIENCE_MISMATCH')
    expect(await judge(['https://a.example', APP])).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test.each([createTokenVerifier, createProofVerifier])('refuses options that cannot be meant: %o', (create) => {
    for (const audience of ['', [], [''], [APP, ''], undefined, null, [undefined], [APP, undefined], [null], 7]) {
      expect(() => create({ audience: audience as never })).toThrow(TypeError)
    }
    expect(() => create({ audience: APP, cacheSize: Number.NaN })).toThrow(TypeError)
    expect(() => create({ audience: APP, cacheSize: -1 })).toThrow(TypeError)
  })

  test('takes the system clock by default', async () => {
    vi.useFakeTimers({ now: NOW * 1000 })
    try {
      expect(await outcome(() => createTokenVerifier({ audience: APP }).verify(token))).toBe('accepted')
      vi.setSystemTime((NOW + 900) * 1000)
      expect(await outcome(() => createTokenVerifier({ audience: APP }).verify(token))).toBe('TOKEN_EXPIRED')
    } finally {
      vi.useRealTimers()
    }
  })
})

/** Spaces in front of the last brace, up to one byte more than a multiple of 3. */
function padded(json: string): string {
  const spaces = (4 - (Buffer.byteLength(json) % 3)) % 3
  return `${json.slice(0, -1)}${' '.repeat(spaces)}}`
}

/** Another text of the same bytes. */
function strayed(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)!) + 1]!
  if (!Buffer.from(other, 'base64url').equals(Buffer.from(part, 'base64url')))
    throw new Error('the part has no stray bits')
  return other
}

/** A valid token of that many characters, long because of its audience. */
function ofLength(length: number, kind: Kind): { token: string; audience: string } {
  const short = forge({ header: kind.header, claims: kind.claims() })
  const guess = Math.floor(((length - short.length) * 3) / 4)
  for (const extra of [guess - 2, guess - 1, guess, guess + 1]) {
    const audience = kind.audience + 'a'.repeat(extra)
    const token = forge({ header: kind.header, claims: { ...kind.claims(), aud: audience } })
    if (token.length === length) return { token, audience }
  }
  throw new Error(`no token of ${length} characters`)
}
