import { X509Certificate, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { fc } from '../../seeded.testing.ts'
import { type CryptoKey, SignJWT, importPKCS8 } from 'jose'
import { describe, expect, test } from 'vitest'
import { NOW, encode } from '../../tokens/forge.testing.ts'
import { certificateOf, der, sequence, toPem } from './certificate.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { AUDIENCE, SUBJECT } from './issuer.testing.ts'
import { readPem } from './pem.ts'
import { createSessionResolver } from '../resolver.ts'
import { readStaticKey } from './static-key.ts'

const ISSUER = 'https://issuer.example'

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: generateKeyPairSync('ed25519'),
} as const
type Algorithm = keyof typeof PAIRS
const ALGORITHMS = Object.keys(PAIRS) as Algorithm[]

const spkiOf = (alg: Algorithm): string => PAIRS[alg].publicKey.export({ type: 'spki', format: 'pem' }) as string
const jwkOf = (alg: Algorithm): Record<string, unknown> =>
  PAIRS[alg].publicKey.export({ format: 'jwk' }) as Record<string, unknown>
const RSA = spkiOf('RS256')

async function sign(alg: string, pair: Algorithm = alg as Algorithm, header: object = {}): Promise<string> {
  const key: CryptoKey = await importPKCS8(
    PAIRS[pair].privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    alg,
  )
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: SUBJECT, exp: NOW + 60 })
    .setProtectedHeader({ alg, ...header })
    .sign(key)
}

async function reasonOf(token: string, options: Partial<ExternalIssuer>): Promise<string> {
  const resolver = createSessionResolver({
    clock: () => NOW * 1000,
    external: { issuer: ISSUER, audience: AUDIENCE, ...options },
  })
  const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
  return resolution.ok ? 'accepted' : resolution.reason
}

describe('Ed25519 and EdDSA, two names of one algorithm (RFC 9864)', () => {
  test.each(['EdDSA', 'Ed25519', undefined])('verify for a JWK with the `alg` %s', async (alg) => {
    const publicKey = { ...jwkOf('EdDSA'), ...(alg && { alg }) }
    for (const name of ['EdDSA', 'Ed25519'])
      expect(await reasonOf(await sign(name, 'EdDSA'), { publicKey })).toBe('accepted')
    for (const name of ['EdDSA', 'Ed25519'])
      expect(await reasonOf(await sign(name, 'EdDSA'), { publicKey, algorithms: ['EdDSA'] })).toBe(
        name === 'EdDSA' ? 'accepted' : 'TOKEN_ALGORITHM_FORBIDDEN',
      )
  })

  test('verify for the JWK that WebCrypto exports', async () => {
    const publicKey = await crypto.subtle.importKey('jwk', jwkOf('EdDSA'), 'Ed25519', true, ['verify'])
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)) }
    expect(await reasonOf(await sign('EdDSA'), { publicKey: jwk })).toBe('accepted')
  })
})

describe('one static key (checklist 7: one static JWK or PEM)', () => {
  describe.each(ALGORITHMS)('of %s', (alg) => {
    const forms: [string, NonNullable<ExternalIssuer['publicKey']>][] = [
      ['SPKI', spkiOf(alg)],
      ['X.509', certificateOf(PAIRS[alg].publicKey)],
      ['a JWK', jwkOf(alg)],
      ['JSON of a JWK', JSON.stringify(jwkOf(alg))],
      [
        'a JWK with `alg`, `use`, `kid` and `key_ops`',
        { ...jwkOf(alg), alg, use: 'sig', kid: 'k', key_ops: ['verify'] },
      ],
    ]
    test.each(forms)('as %s verifies, whatever the `kid`', async (_, publicKey) => {
      expect(await reasonOf(await sign(alg), { publicKey })).toBe('accepted')
      expect(await reasonOf(await sign(alg, alg, { kid: 'another' }), { publicKey })).toBe('accepted')
    })

    test('gives the very JWK that Node makes of it', () => {
      expect(readPem(spkiOf(alg))).toEqual(jwkOf(alg))
      expect(readPem(certificateOf(PAIRS[alg].publicKey))).toEqual(jwkOf(alg))
      expect(new X509Certificate(certificateOf(PAIRS[alg].publicKey)).publicKey.equals(PAIRS[alg].publicKey)).toBe(true)
    })

    test('of another key does not (checklist 24: a wrong key cannot connect)', async () => {
      const other = ALGORITHMS.find((name) => name !== alg)!
      expect(await reasonOf(await sign(alg), { publicKey: spkiOf(other) })).toBe('TOKEN_ALGORITHM_FORBIDDEN')
      const { publicKey } =
        alg === 'RS256'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : alg === 'EdDSA'
            ? generateKeyPairSync('ed25519')
            : generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] })
      expect(
        await reasonOf(await sign(alg), { publicKey: publicKey.export({ format: 'jwk' }) as Record<string, unknown> }),
      ).toBe('TOKEN_SIGNATURE_INVALID')
    })
  })

  test.each<[string, string]>([
    ['its newlines removed (checklist 24: newlines removed)', RSA.replaceAll('\n', '')],
    ['spaces for newlines', RSA.replaceAll('\n', ' ')],
    ['newlines written as \\n', RSA.replaceAll('\n', '\\n')],
    ['newlines written as \\r\\n', RSA.replaceAll('\n', '\\r\\n')],
    ['carriage returns', RSA.replaceAll('\n', '\r\n')],
    ['space around it', `  \n${RSA} \t\n`],
    ['quotes around it', `"${RSA.replaceAll('\n', '\\n')}"`],
    ['each line indented', RSA.replaceAll('\n', '\n    ')],
  ])('is repaired: a PEM with %s', async (_, publicKey) => {
    expect(await reasonOf(await sign('RS256'), { publicKey })).toBe('accepted')
    expect(readPem(publicKey)).toEqual(jwkOf('RS256'))
  })

  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('of RSA verifies %s', async (alg) => {
    const token = await sign(alg, 'RS256')
    expect(await reasonOf(token, { publicKey: RSA })).toBe('accepted')
    expect(await reasonOf(token, { publicKey: RSA, algorithms: [alg] })).toBe('accepted')
  })

  test('takes the algorithm from the JWK, and from the option', async () => {
    expect(await reasonOf(await sign('PS256', 'RS256'), { publicKey: RSA })).toBe('accepted')
    expect(await reasonOf(await sign('PS256', 'RS256'), { publicKey: { ...jwkOf('RS256'), alg: 'RS256' } })).toBe(
      'TOKEN_ALGORITHM_FORBIDDEN',
    )
    expect(await reasonOf(await sign('PS256', 'RS256'), { publicKey: RSA, algorithms: ['RS256'] })).toBe(
      'TOKEN_ALGORITHM_FORBIDDEN',
    )
  })
})

test.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])('a JWK with the private member `%s` is refused', (member) => {
  expect(() => readStaticKey(jwkOf('RS256'))).not.toThrow()
  expect(() => readStaticKey({ ...jwkOf('RS256'), [member]: 'AA' })).toThrow(/a private one/)
})

describe('a PEM is never a shared secret', () => {
  const claims = encode(JSON.stringify({ iss: ISSUER, aud: AUDIENCE, sub: 'somebody', exp: NOW + 60 }))
  const forged = (alg: string, secret: string | Buffer): string => {
    const input = `${encode(JSON.stringify({ alg, typ: 'JWT' }))}.${claims}`
    return `${input}.${createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest('base64url')}`
  }
  const spelled: [string, string | Buffer][] = [
    ['the PEM', RSA],
    ['the PEM without its last newline', RSA.trim()],
    ['the PEM without newlines', RSA.replaceAll('\n', '')],
    ['the DER', createPublicKey(RSA).export({ type: 'spki', format: 'der' })],
    ['the JWK', JSON.stringify(jwkOf('RS256'))],
    ['nothing', ''],
  ]
  test.each(
    spelled.flatMap(([name, secret]) =>
      ['HS256', 'HS384', 'HS512'].map((alg): [string, string, string | Buffer] => [name, alg, secret]),
    ),
  )('nor is %s, by %s', async (_, alg, secret) => {
    for (const publicKey of [RSA, RSA.replaceAll('\n', ''), jwkOf('RS256')])
      expect(await reasonOf(forged(alg, secret), { publicKey })).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })

  test('and no signature is none', async () => {
    const token = `${encode('{"alg":"none"}')}.${claims}.`
    expect(await reasonOf(token, { publicKey: RSA })).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })
})

const withLongLength = (spki: Buffer): Buffer => Buffer.concat([spki.subarray(0, 1), Buffer.of(0x81), spki.subarray(1)])
const withIndefiniteLength = (spki: Buffer): Buffer =>
  Buffer.concat([spki.subarray(0, 1), Buffer.of(0x80), spki.subarray(2), Buffer.of(0, 0)])
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 })
const privateRsa = PAIRS.RS256.privateKey

describe('is refused at construction', () => {
  test.each<[string, unknown]>([
    ['nothing', ''],
    ['any text', 'secret'],
    ['base64 alone', RSA.split('\n').slice(1, -2).join('')],
    ['a JWKS URL', 'https://issuer.example/jwks'],
    ['a private key in PKCS#8', privateRsa.export({ type: 'pkcs8', format: 'pem' })],
    ['a private key in PKCS#1', privateRsa.export({ type: 'pkcs1', format: 'pem' })],
    ['a private key with its public one', `${RSA}${String(privateRsa.export({ type: 'pkcs8', format: 'pem' }))}`],
    ['a public key in PKCS#1', PAIRS.RS256.publicKey.export({ type: 'pkcs1', format: 'pem' })],
    ['two keys', RSA + RSA],
    ['a chain of certificates', certificateOf(PAIRS.RS256.publicKey) + certificateOf(PAIRS.ES256.publicKey)],
    ['labels that do not fit', RSA.replace('END PUBLIC KEY', 'END CERTIFICATE')],
    ['a PEM without its end', RSA.split('-----END')[0]],
    ['a PEM that was cut off', RSA.replace(/(\n.*){3}\n-----END/, '\n-----END')],
    [
      'a PEM with something after the key',
      toPem(
        'PUBLIC KEY',
        Buffer.concat([PAIRS.EdDSA.publicKey.export({ type: 'spki', format: 'der' }), Buffer.of(5, 0)]),
      ),
    ],
    ['a PEM without the padding of its base64', spkiOf('EdDSA').replace('=', '')],
    [
      'a PEM with stray bits in its base64',
      spkiOf('EdDSA').replace(/.=/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=`),
    ],
    [
      'a PEM with a length in more bytes than it needs',
      toPem('PUBLIC KEY', withLongLength(PAIRS.EdDSA.publicKey.export({ type: 'spki', format: 'der' }))),
    ],
    [
      'a PEM with an indefinite length',
      toPem('PUBLIC KEY', withIndefiniteLength(PAIRS.EdDSA.publicKey.export({ type: 'spki', format: 'der' }))),
    ],
    ['a PEM of nothing', '-----BEGIN PUBLIC KEY----- -----END PUBLIC KEY-----'],
    ['RSA of 1024 bits', rsa1024.publicKey.export({ type: 'spki', format: 'pem' })],
    ['X25519, which signs nothing', generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' })],
    [
      'secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ type: 'spki', format: 'pem' }),
    ],
    [
      'an elliptic key without a curve',
      toPem(
        'PUBLIC KEY',
        sequence(sequence(der(6, Buffer.from('2a8648ce3d0201', 'hex'))), der(3, Buffer.alloc(66, 4))),
      ),
    ],
    ['a JWK of a shared secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a JWK of a shared secret that says RS256', { kty: 'oct', k: 'c2VjcmV0', alg: 'RS256' }],
    ['a private JWK', privateRsa.export({ format: 'jwk' })],
    ['a JWK with a secret beside', { ...jwkOf('RS256'), k: 'c2VjcmV0' }],
    ['a JWK set', { keys: [jwkOf('RS256')] }],
    ['JSON of a JWK set', JSON.stringify({ keys: [jwkOf('RS256')] })],
    ['JSON that is none', '{"kty":'],
    ['a list', [jwkOf('RS256')]],
    ['null', null],
    ['a number', 7],
    ['a JWK without a modulus', { kty: 'RSA', e: 'AQAB' }],
    ['a JWK with a modulus in padded base64', { ...jwkOf('RS256'), n: `${String(jwkOf('RS256')['n'])}=` }],
    ['a JWK of RSA with 1024 bits', rsa1024.publicKey.export({ format: 'jwk' })],
    ['a JWK on secp256k1', { ...jwkOf('ES256'), crv: 'secp256k1' }],
    ['a JWK for encryption', { ...jwkOf('RS256'), use: 'enc' }],
    ['a JWK for another operation', { ...jwkOf('RS256'), key_ops: ['encrypt'] }],
    ['a JWK with HS256', { ...jwkOf('RS256'), alg: 'HS256' }],
    ['a JWK with an algorithm of another kind', { ...jwkOf('ES256'), alg: 'RS256' }],
    ['a JWK of a prototype name', { kty: 'toString' }],
  ])('%s', (_, publicKey) => {
    expect(() => createSessionResolver({ external: { issuer: ISSUER, publicKey: publicKey as string } })).toThrow(
      TypeError,
    )
  })

  test('a key that fits none of the algorithms', () => {
    expect(() =>
      createSessionResolver({ external: { issuer: ISSUER, publicKey: RSA, algorithms: ['ES256', 'EdDSA'] } }),
    ).toThrow(/none of the algorithms/)
  })

  test.each<[string, Partial<ExternalIssuer>]>([
    [
      'a URL and a key (checklist 7: configuring both is an error)',
      { jwksUrl: 'https://a.example/jwks', publicKey: RSA },
    ],
    ['two URLs', { jwksUrl: 'https://a.example/jwks', certificatesUrl: 'https://a.example/x509' }],
    ['all of them', { jwksUrl: 'https://a.example/jwks', certificatesUrl: 'https://a.example/x509', publicKey: RSA }],
    ['no key at all', {}],
  ])('%s', (_, options) => {
    expect(() => createSessionResolver({ external: { issuer: ISSUER, ...options } })).toThrow(/exactly one of/)
  })

  test('without repeating it', () => {
    const secret = privateRsa.export({ type: 'pkcs8', format: 'pem' }) as string
    for (const key of [
      secret,
      '{"kty":"oct","k":"a-shared-secret"',
      { kty: 'oct', k: 'a-shared-secret' },
      RSA.slice(0, -60),
    ]) {
      const error = errorOf(() => createSessionResolver({ external: { issuer: ISSUER, publicKey: key } }))
      const said = `${error.message}${error.stack}${String((error.cause as Error).stack)}`
      expect(said).not.toContain('a-shared-secret')
      expect(said).not.toContain(secret.split('\n')[3])
      expect(said).not.toContain(RSA.split('\n')[3])
    }
  })
})

function errorOf(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('whatever a configuration holds', () => {
  const der = createPublicKey(RSA).export({ type: 'spki', format: 'der' })

  test('a PEM with one byte changed is another key or a TypeError', () => {
    const change = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(change, ([at, mask]) => {
        const bytes = Buffer.from(der)
        bytes[at]! ^= mask
        expect(attempt(() => readPem(toPem('PUBLIC KEY', bytes)))).not.toEqual(jwkOf('RS256'))
      }),
      { numRuns: 1000 },
    )
  })

  test('any bytes and any text are a TypeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('PUBLIC KEY', 'CERTIFICATE'), (bytes, label) => {
        expect(attempt(() => readPem(toPem(label, bytes)))).toBe('TypeError')
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(
        fc.string({ maxLength: 100 }),
        (text) => void expect(attempt(() => readStaticKey(text))).toBe('TypeError'),
      ),
      { numRuns: 500 },
    )
  })

  function attempt(run: () => unknown): unknown {
    try {
      return run()
    } catch (error) {
      return (error as Error).name
    }
  }
})
