import crypto, { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type JWK, compactVerify, importJWK } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isBase64url } from '../../identity/encoding.ts'
import { decodeBytes, parseObject } from '../../tokens/decode.ts'
import { type IssuerKey, createKeySet } from './key-set.ts'
import { type SignatureCheck, createSignatureCheck } from './signature.ts'
import { verifyNow } from './verify-now.ts'

const INPUT = new TextEncoder().encode('header.claims')

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
type Kind = keyof typeof PAIRS

const IMPORTED_AS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
} as const

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

function imported(
  kind: Kind,
  algorithm: Parameters<SubtleCrypto['importKey']>[2] = IMPORTED_AS[kind],
  usages: KeyUsage[] = ['verify'],
): Promise<CryptoKey> {
  return crypto.subtle.importKey('jwk', jwkOf(PAIRS[kind].publicKey), algorithm, true, usages)
}

function jwkOf(key: KeyObject): JsonWebKey {
  return key.export({ format: 'jwk' }) as JsonWebKey
}

function signed(kind: Kind, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Buffer {
  return sign(kind === 'EdDSA' ? null : 'sha256', INPUT, { key: PAIRS[kind].privateKey, dsaEncoding })
}

async function checkOf(kind: Kind, alg: string = kind): Promise<SignatureCheck> {
  return createSignatureCheck(alg, await imported(kind))!
}

describe('a signature', () => {
  test.each<[Kind, string]>([
    ['RS256', 'RS256'],
    ['ES256', 'ES256'],
    ['EdDSA', 'EdDSA'],
    ['EdDSA', 'Ed25519'],
  ])('of %s as %s matches, and none that was changed', async (kind, alg) => {
    const check = await checkOf(kind, alg)
    const signature = signed(kind)
    expect(check(INPUT, signature)).toBe(true)
    expect(check(INPUT.slice(1), signature)).toBe(false)
    for (let at = 0; at < signature.length; at++) {
      const changed = Buffer.from(signature)
      changed[at]! ^= 1
      expect(check(INPUT, changed)).toBe(false)
    }
  })

  test('of ES256 in DER does not match', async () => {
    expect((await checkOf('ES256'))(INPUT, signed('ES256', 'der'))).toBe(false)
  })

  test.each<Kind>(['RS256', 'ES256', 'EdDSA'])(
    'of another length is invalid, whatever the library says: %s',
    async (kind) => {
      const check = await checkOf(kind)
      const { length } = signed(kind)
      vi.spyOn(crypto, 'verify').mockReturnValue(true as never)
      expect(check(INPUT, new Uint8Array(length))).toBe(true)
      for (const other of [0, 1, length - 1, length + 1, length * 2])
        expect(check(INPUT, new Uint8Array(other))).toBe(false)
    },
  )

  test('does not match if the library fails', async () => {
    const check = await checkOf('ES256')
    vi.spyOn(crypto, 'verify').mockImplementation(() => {
      throw new Error('no memory')
    })
    expect(check(INPUT, signed('ES256'))).toBe(false)
  })
})

describe('the check is left to jose', () => {
  test.each([['PS256'], ['RS384'], ['RS512'], ['ES384'], ['HS256'], ['none'], ['toString'], ['__proto__'], ['']])(
    'for %j',
    async (alg) => {
      for (const kind of ['RS256', 'ES256', 'EdDSA'] as const)
        expect(createSignatureCheck(alg, await imported(kind))).toBeUndefined()
    },
  )

  test('for a key of another kind', async () => {
    expect(createSignatureCheck('RS256', await imported('ES256'))).toBeUndefined()
    expect(createSignatureCheck('ES256', await imported('EdDSA'))).toBeUndefined()
    expect(createSignatureCheck('EdDSA', await imported('RS256'))).toBeUndefined()
  })

  test('for a key on another curve', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-384' }
    const key = await crypto.subtle.importKey('jwk', jwkOf(publicKey), algorithm, true, ['verify'])
    expect(createSignatureCheck('ES256', key)).toBeUndefined()
  })

  test('for an RSA key of another padding or hash', async () => {
    for (const algorithm of [
      { name: 'RSA-PSS', hash: 'SHA-256' },
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-1' },
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
    ])
      expect(createSignatureCheck('RS256', await imported('RS256', algorithm))).toBeUndefined()
  })

  test.each([
    [1024, false],
    [2047, false],
    [2048, true],
    [4096, true],
    [4104, false],
    [8192, false],
  ])('for RSA of %i bits, unless %o', async (bits, isChecked) => {
    // The factors of this one are unknown, and nothing here needs them.
    const n = randomBytes(Math.ceil(bits / 8))
    n[0] = bits % 8 === 0 ? 0x80 | n[0]! : 0x40 | (n[0]! & 0x3f)
    n[n.length - 1]! |= 1
    const jwk = { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' }
    const key = await crypto.subtle.importKey('jwk', jwk, IMPORTED_AS.RS256, true, ['verify'])
    expect((key.algorithm as RsaHashedKeyAlgorithm).modulusLength).toBe(bits)
    expect(createSignatureCheck('RS256', key) !== undefined).toBe(isChecked)
  })

  test('for a key that may not verify', async () => {
    expect(createSignatureCheck('EdDSA', await imported('EdDSA', IMPORTED_AS.EdDSA, []))).toBeUndefined()
  })

  test('for a private key', async () => {
    const jwk = jwkOf(PAIRS.EdDSA.privateKey)
    const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', true, ['sign'])
    const claimed = new Proxy(key, {
      get: (target, name) => (name === 'usages' ? ['verify'] : Reflect.get(target, name, target)),
    })
    let check: unknown
    expect(() => (check = createSignatureCheck('EdDSA', claimed))).not.toThrow()
    expect(check).toBeUndefined()
  })

  test.each([
    ['in Bun', { bun: '1.3.0', openssl: '3.0.0' }],
    ['in Deno', { deno: '2.5.0', openssl: '3.0.0' }],
    ['in Electron', { electron: '39.0.0', openssl: '3.0.0' }],
    ['on BoringSSL', { openssl: '0.0.0' }],
    ['where there is no process', undefined],
  ])('%s', async (_, versions) => {
    const key = await imported('EdDSA')
    vi.stubGlobal('process', versions && { getBuiltinModule: process.getBuiltinModule, versions })
    const check = createSignatureCheck('EdDSA', key)
    vi.unstubAllGlobals()
    expect(check).toBeUndefined()
  })
})

// https://github.com/C2SP/wycheproof, `testvectors_v1`: read where it is, as in `lib/tokens/wycheproof.test.ts`.
const FOLDER =
  process.env['LATCHKEY_WYCHEPROOF'] ?? fileURLToPath(new URL('../../../../shared/vectors/wycheproof', import.meta.url))
const isThere = existsSync(FOLDER)
if (!isThere && process.env['LATCHKEY_WYCHEPROOF'] !== undefined) throw new Error(`There is no folder ${FOLDER}.`)

interface Group {
  readonly public?: JWK
  readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: 'valid' | 'invalid' }[]
}

describe.skipIf(!isThere)('Wycheproof JSON Web Signature, with public keys', () => {
  const groups = isThere
    ? (JSON.parse(readFileSync(`${FOLDER}/json_web_signature_test.json`, 'utf8')) as { testGroups: Group[] }).testGroups
    : []
  const cases = groups.flatMap(({ public: jwk, tests }) => (jwk ? tests.map((each) => ({ ...each, jwk })) : []))

  test('is read whole', () => {
    expect(cases.length).toBe(361)
  })

  test('what is verified at once is valid, and so says jose; what is refused at once jose refuses too', async () => {
    const counts = { accepted: 0, refused: 0, left: 0 }
    for (const { tcId, jws, jwk, result } of cases) {
      const own = await verifiedAtOnce(jws, jwk)
      const jose = await isAcceptedByJose(jws, jwk)
      if (own === 'accepted') expect({ tcId, result, jose }).toEqual({ tcId, result: 'valid', jose: true })
      if (own === 'refused') expect({ tcId, jose }).toEqual({ tcId, jose: false })
      counts[own]++
    }
    // All valid ones of RS256 and ES256 are accepted. Those left are of other algorithms or encodings, or have no key.
    expect(counts).toEqual({ accepted: 10, refused: 245, left: 106 })
  })
})

const CLAIMS = { iss: 'issuer', sub: 'subject', exp: 2 }

/** As `verifyNow` does it; the claims are others, since those of the vectors are no JSON. */
async function verifiedAtOnce(text: string, jwk: JWK): Promise<'accepted' | 'refused' | 'left'> {
  const parts = text.split('.')
  if (parts.length !== 3 || !parts.every(isBase64url)) return 'left'
  const [header, , signature] = parts.map((part) => decodeBytes(part))
  const keys = createKeySet([jwk])
  try {
    const jws = {
      header: parseObject(header!),
      claims: CLAIMS,
      input: new Uint8Array(Buffer.from(text.slice(0, text.lastIndexOf('.')))),
      signature: signature!,
    }
    const key: IssuerKey | undefined = await keys.find(jws.header)
    if (!key.check) return 'left'
    const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519']
    const rules = { keys, algorithms, issuers: ['issuer'] as [string], audience: undefined, requiredClaims: ['sub'] }
    return verifyNow(jws, { ...rules, clockTolerance: 0 }, 1) ? 'accepted' : 'left'
  } catch (error) {
    return (error as { code?: string }).code === 'TOKEN_SIGNATURE_INVALID' ? 'refused' : 'left'
  }
}

async function isAcceptedByJose(jws: string, jwk: JWK): Promise<boolean> {
  try {
    const alg = (JSON.parse(Buffer.from(jws.split('.')[0]!, 'base64url').toString()) as { alg: string }).alg
    await compactVerify(jws, await importJWK(jwk, alg))
    return true
  } catch {
    return false
  }
}
