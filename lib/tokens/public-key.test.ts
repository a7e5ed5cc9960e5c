import { createHash, createPublicKey, verify as nodeVerify } from 'node:crypto'
import { Point } from '@noble/ed25519'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  ACCOUNT_SERVER,
  ALICE,
  APP,
  BOB,
  NOW,
  ORDER,
  PROOF_HEADER,
  TOKEN_HEADER,
  VECTORS,
  encode,
  fitsEquation,
  forge,
  fromLittleEndian,
  outcome,
  principalOf,
  proofClaims,
  text,
  times,
  toLittleEndian,
  tokenClaims,
} from './forge.testing.ts'
import { checkPoint, importPublicKey } from './public-key.ts'
import { createProofVerifier, createTokenVerifier } from './verify.ts'

const clock = (): number => NOW * 1000
const P = 2n ** 255n - 19n

// The y of every point whose order divides 8, as in the block list of libsodium, and the second encodings of 0 and 1.
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

/** Each of them with both sign bits. */
const SMALL_ORDER = SMALL_ORDER_Y.flatMap((hex) => [hex, withSign(hex)]).map((hex) => ({
  hex,
  code: isCanonical(hex) ? 'TOKEN_KEY_SMALL_ORDER' : 'TOKEN_KEY_NOT_CANONICAL',
}))

/** RFC 8032 §5.1.3: for these y the x² is not a square. */
const NO_POINTS = [2, 7, 8, 11].map((y) => toLittleEndian(BigInt(y)).toString('hex'))

const RUNTIMES = [{ runtime: 'node:crypto' }, { runtime: 'WebCrypto' }]

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('the list of small-order encodings', () => {
  test('is what torsion arithmetic gives', () => {
    const points = new Set<string>()
    for (const { hex } of SMALL_ORDER) {
      const point = Point.fromHex(hex, true)
      expect(times(point, 8n).is0()).toBe(true)
      points.add(point.toHex())
    }
    const generator = times(Point.fromHex(`03${'0'.repeat(62)}`, true), ORDER)
    const multiples = Array.from({ length: 8 }, (_, factor) => times(generator, BigInt(factor)).toHex())
    expect(points).toEqual(new Set(multiples))
    expect(points.size).toBe(8)
    expect(
      SMALL_ORDER.filter(({ code }) => code === 'TOKEN_KEY_SMALL_ORDER')
        .map(({ hex }) => hex)
        .sort(),
    ).toEqual([...points].sort())
  })

  test('is of keys under which node:crypto accepts a forged token', () => {
    const accepted = SMALL_ORDER.filter(({ hex }) => isAcceptedByNode(forgeUnder(hex), hex))
    expect(accepted.length).toBeGreaterThanOrEqual(8)
  })
})

describe.each(RUNTIMES)('with $runtime', ({ runtime }) => {
  beforeEach(() => {
    if (runtime === 'WebCrypto') vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
  })

  test('a signature is checked there', async () => {
    const subtle = vi.spyOn(crypto.subtle, 'verify')
    expect(await judge(forge({ header: TOKEN_HEADER, claims: tokenClaims() }))).toBe('accepted')
    expect(subtle).toHaveBeenCalledTimes(runtime === 'WebCrypto' ? 1 : 0)
  })

  test.each(VECTORS)('the token of $principal is accepted', async ({ token, principal, thumbprint }) => {
    expect(await createTokenVerifier({ audience: APP, clock }).verify(token)).toMatchObject({ principal, thumbprint })
  })

  test.each(VECTORS)('the key of $principal is imported', async ({ x, principal, thumbprint }) => {
    expect(await importPublicKey(x)).toMatchObject({ principal, thumbprint })
  })

  test('a signature of another key is refused', async () => {
    expect(await judge(forge({ header: TOKEN_HEADER, claims: tokenClaims() }, BOB))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('changed claims are refused', async () => {
    const [header, , signature] = forge({ header: TOKEN_HEADER, claims: tokenClaims() }).split('.')
    expect(await judge(`${header}.${encode(text({ ...tokenClaims(), iat: NOW - 1 }))}.${signature}`)).toBe(
      'TOKEN_SIGNATURE_INVALID',
    )
  })

  test('S + L is refused', async () => {
    const [header, claims, signature] = forge({ header: TOKEN_HEADER, claims: tokenClaims() }).split('.')
    const bytes = Buffer.from(signature!, 'base64url')
    const other = Buffer.concat([bytes.subarray(0, 32), toLittleEndian(fromLittleEndian(bytes.subarray(32)) + ORDER)])
    expect(fitsEquation(`${header}.${claims}`, other, Buffer.from(ALICE.x, 'base64url'))).toBe(true)
    expect(await judge(`${header}.${claims}.${encode(other)}`)).toBe('TOKEN_SIGNATURE_NOT_CANONICAL')
  })

  test('another key as the `sub` is refused', async () => {
    expect(await judge(forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), sub: BOB.principal } }))).toBe(
      'TOKEN_SUBJECT_MISMATCH',
    )
  })

  test.each(SMALL_ORDER)('a token forged under $hex is refused: $code', async ({ hex, code }) => {
    const { token, signature, input } = forgeUnder(hex)
    expect(fitsEquation(input, signature, Buffer.from(hex, 'hex'))).toBe(true)
    expect(await judge(token)).toBe(code)
  })

  test.each(SMALL_ORDER)('a proof forged under $hex is refused: $code', async ({ hex, code }) => {
    const verifier = createProofVerifier({ audience: ACCOUNT_SERVER, clock })
    expect(await outcome(() => verifier.verify(forgeUnder(hex, 'proof').token, { purpose: 'upgrade' }))).toBe(code)
  })

  test('every second encoding of a y is refused', async () => {
    for (let y = P; y < 2n ** 255n; y++) {
      const hex = toLittleEndian(y).toString('hex')
      for (const key of [hex, withSign(hex)]) expect(await imported(key)).toBe('TOKEN_KEY_NOT_CANONICAL')
    }
  })

  test('bytes that are no point are refused, also once they are known', async () => {
    const verifier = createTokenVerifier({ audience: APP, clock })
    for (const hex of [...NO_POINTS, 'ff'.repeat(32)]) {
      const x = encode(Buffer.from(hex, 'hex'))
      const claims = tokenClaims({ x, principal: principalOf(x) })
      const refused = [
        forge({ header: TOKEN_HEADER, claims }),
        forge({ header: TOKEN_HEADER, claims: { ...claims, sub: BOB.principal } }),
        forge({ header: TOKEN_HEADER, claims }, { sign: () => Buffer.alloc(64, 0xff) }),
        forge({ header: TOKEN_HEADER, claims }, { sign: () => Buffer.alloc(63) }),
      ]
      for (const token of [...refused, ...refused])
        expect(await outcome(() => verifier.verify(token))).toBe('TOKEN_KEY_NOT_CANONICAL')
    }
  })

  test('no signature verifies under bytes that are no point, whatever R and S are', async () => {
    const Rs = [times(Point.BASE, 12345n).toHex(), ...SMALL_ORDER_Y, ...NO_POINTS]
    for (const hex of NO_POINTS) {
      const key = await bareVerifier(hex)
      for (const R of Rs) {
        for (const S of [0n, 1n, 12345n, ORDER - 1n]) {
          const signature = new Uint8Array(Buffer.concat([Buffer.from(R, 'hex'), toLittleEndian(S)]))
          for (let message = 0; message < 8; message++) expect(await key(Uint8Array.of(message), signature)).toBe(false)
        }
      }
    }
  })

  test.each([
    ['31 bytes', '00'.repeat(31)],
    ['33 bytes', '00'.repeat(33)],
    ['nothing', ''],
  ])('%s are no key', async (_, hex) => {
    expect(await imported(hex)).toBe('TOKEN_CLAIM_INVALID')
  })
})

describe('the answer about a key', () => {
  test('is that of decompressing the point: for each encoding of small order, and with any bit of it changed', async () => {
    for (const { hex, code } of SMALL_ORDER) {
      expect(await answerFor(Buffer.from(hex, 'hex'))).toBe(code)
      for (let bit = 0; bit < 256; bit++) {
        const bytes = Buffer.from(hex, 'hex')
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        expect(await answerFor(bytes)).toBe(decompressed(bytes))
      }
    }
  })

  test('is that of decompressing the point: for the first and last y, with both signs', async () => {
    for (let offset = 0n; offset < 40n; offset++) {
      for (const y of [offset, P - 1n - offset]) {
        const hex = toLittleEndian(y).toString('hex')
        for (const each of [hex, withSign(hex)])
          expect(await answerFor(Buffer.from(each, 'hex'))).toBe(decompressed(Buffer.from(each, 'hex')))
      }
    }
  })

  test('is that of decompressing the point: for 10,000 random keys, half of which are none', async () => {
    const counts: Record<string, number> = {}
    for (let index = 0; index < 10_000; index++) {
      const bytes = createHash('sha256').update(`key ${index}`).digest()
      const answer = await answerFor(bytes)
      if (answer !== decompressed(bytes)) throw new Error(`${bytes.toString('hex')}: ${answer}`)
      counts[answer] = (counts[answer] ?? 0) + 1
    }
    expect(counts).toEqual({ accepted: expect.closeTo(5000, -3), TOKEN_KEY_NOT_CANONICAL: expect.closeTo(5000, -3) })
  })
})

describe('the point is decompressed before anything is verified', () => {
  test.each([
    ['in Bun', { bun: '1.3.0', openssl: '3.0.0' }],
    ['in Deno', { deno: '2.5.0', openssl: '3.0.0' }],
    ['in Electron', { electron: '39.0.0', openssl: '3.0.0' }],
    ['on BoringSSL', { openssl: '0.0.0' }],
    ['on OpenSSL 1.1', { openssl: '1.1.1' }],
    ['where the versions are unknown', undefined],
  ])('%s', async (_, versions) => {
    vi.stubGlobal('process', { getBuiltinModule: process.getBuiltinModule, versions })
    const pending = imported(NO_POINTS[0]!)
    vi.unstubAllGlobals()
    expect(await pending).toBe('TOKEN_KEY_NOT_CANONICAL')
  })

  test('in Node without node:crypto', async () => {
    vi.stubGlobal('process', { getBuiltinModule: () => undefined, versions: { openssl: '3.0.0' } })
    const pending = imported(NO_POINTS[0]!)
    vi.unstubAllGlobals()
    expect(await pending).toBe('TOKEN_KEY_NOT_CANONICAL')
  })
})

test('a node:crypto without `hash`, as before Node 20.12, gives the same principal', async () => {
  const usual = await importPublicKey(ALICE.x)
  const node = { ...process.getBuiltinModule('node:crypto'), hash: undefined }
  const found = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(node as never)
  const { principal, thumbprint } = await importPublicKey(ALICE.x)
  found.mockRestore()
  expect([principal, thumbprint]).toEqual([ALICE.principal, usual.thumbprint])
})

test('the point of a key is decompressed once to name the reason of refusals, however many tokens are forged', async () => {
  const verifier = createTokenVerifier({ audience: APP, clock })
  const decompress = vi.spyOn(Point, 'fromBytes')
  const [header, claims, signature] = forge({ header: TOKEN_HEADER, claims: tokenClaims() }).split('.')
  for (const length of [1, 2, 3]) {
    const forged = `${'A'.repeat(length)}${signature!.slice(length)}`
    expect(await outcome(() => verifier.verify([header, claims, forged].join('.')))).toBe('TOKEN_SIGNATURE_INVALID')
  }
  expect(decompress).toHaveBeenCalledOnce()
  decompress.mockRestore()
})

describe('where there is no `process`', () => {
  test.each([[undefined], [{}], [{ getBuiltinModule: () => undefined }]])(
    'such as %o, WebCrypto is used',
    async (process) => {
      const subtle = vi.spyOn(crypto.subtle, 'verify')
      vi.stubGlobal('process', process)
      const pending = importPublicKey(ALICE.x)
      // Before anything is awaited: the test runner needs it too.
      vi.unstubAllGlobals()
      const key = await pending
      const data = new TextEncoder().encode('data')
      expect(await key.verify(data, new Uint8Array(ALICE.sign(data)))).toBe(true)
      expect(await key.verify(data, new Uint8Array(BOB.sign(data)))).toBe(false)
      expect(subtle).toHaveBeenCalledTimes(2)
    },
  )
})

function judge(token: string): Promise<string> {
  return outcome(() => createTokenVerifier({ audience: APP, clock }).verify(token))
}

function imported(hex: string): Promise<string> {
  return outcome(() => importPublicKey(encode(Buffer.from(hex, 'hex'))))
}

/** What the verifier says of a key that is used and refused. */
function answerFor(bytes: Buffer): Promise<string> {
  const x = encode(bytes)
  return outcome(async () => checkPoint(await importPublicKey(x)))
}

/** The same by @noble: the point is decompressed, and multiplied by 8. */
function decompressed(bytes: Buffer): string {
  try {
    return Point.fromBytes(bytes).isSmallOrder() ? 'TOKEN_KEY_SMALL_ORDER' : 'accepted'
  } catch {
    return 'TOKEN_KEY_NOT_CANONICAL'
  }
}

/** Verifies with the library alone, as no check of the key's bytes would. */
async function bareVerifier(
  hex: string,
): Promise<(data: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>) => unknown> {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: encode(Buffer.from(hex, 'hex')) }
  if (process.getBuiltinModule('node:crypto')) {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    return (data, signature) => nodeVerify(null, data, key, signature)
  }
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify'])
  return (data, signature) => crypto.subtle.verify('Ed25519', key, signature, data)
}

interface Forgery {
  readonly token: string
  readonly input: string
  readonly signature: Buffer
}

/**
 * A token whose signature fits a key of small order, made without any private key: R = [r]B and S = r fit as soon as
 * [h]A is the identity, which one in eight messages gives. `sub` is the principal of that key.
 */
function forgeUnder(hex: string, kind: 'token' | 'proof' = 'token'): Forgery {
  const publicKey = Buffer.from(hex, 'hex')
  const x = encode(publicKey)
  const signature = Buffer.concat([Buffer.from(times(Point.BASE, 12345n).toBytes()), toLittleEndian(12345n)])
  const [header, claims] = kind === 'token' ? [TOKEN_HEADER, tokenClaims] : [PROOF_HEADER, proofClaims]
  for (let age = 0; age < 60; age++) {
    const input = `${encode(text(header))}.${encode(text({ ...claims({ x, principal: principalOf(x) }), iat: NOW - age }))}`
    if (fitsEquation(input, signature, publicKey)) return { token: `${input}.${encode(signature)}`, input, signature }
  }
  throw new Error(`no message found for ${hex}`)
}

function isAcceptedByNode({ input, signature }: Forgery, hex: string): boolean {
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: encode(Buffer.from(hex, 'hex')) },
    format: 'jwk',
  })
  return nodeVerify(null, Buffer.from(input), key, signature)
}

function withSign(hex: string): string {
  return hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16)
}

/** RFC 8032 §5.1.3: y below p, and no sign where x is 0, which is where y is 1 or -1. */
function isCanonical(hex: string): boolean {
  const bytes = Buffer.from(hex, 'hex')
  const isNegative = bytes[31]! >= 0x80
  bytes[31]! &= 0x7f
  const y = fromLittleEndian(bytes)
  return y < P && !(isNegative && (y === 1n || y === P - 1n))
}
