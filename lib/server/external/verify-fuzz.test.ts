import { type KeyObject, generateKeyPairSync, sign, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type DecodedJws, decodeJws } from '../../tokens/decode.ts'
import { randomness } from '../../random.testing.ts'
import { outcome } from '../../tokens/forge.testing.ts'
import type { ExternalVerifier } from './issuer-sources.ts'
import { createExternalVerifiers } from './verifier.ts'

// Three verifiers of the same tokens: the own one, which checks signatures and claims at once; the same code where it
// leaves all of that to jose; and a strict one written here, with nothing but node:crypto.

const RUNS = Number(process.env['LATCHKEY_FUZZ_RUNS'] ?? 10_000)
const SEED = process.env['LATCHKEY_EXPLORE_SEED'] ?? 'verify'
/** Hours, for a million runs on a slow machine. */
const TIMEOUT_MS = 14_400_000

const NOW = 1_760_000_000
const ISSUER = 'https://issuer.example'
const AUDIENCE = 'https://notes.example'

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
type Kind = keyof typeof PAIRS
const KINDS: readonly Kind[] = ['RS256', 'ES256', 'EdDSA']
/** Foreign keys, one of each kind. */
const OTHERS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
/** For the strict verifier. */
const KEYS = KINDS.map((kid) => ({ kid, key: PAIRS[kid].publicKey }))
const JWKS = KINDS.map((kid) => ({ ...PAIRS[kid].publicKey.export({ format: 'jwk' }), kid, use: 'sig' }))

let own: ExternalVerifier
let jose: ExternalVerifier
let isJose = false
/** How many signatures were verified at once. A spy would keep the arguments of a million calls. */
let atOnce = 0

beforeAll(() => {
  const module = process.getBuiltinModule('node:crypto')
  const counted = { ...module, verify: (...args: Parameters<typeof verify>) => (atOnce++, verify(...args)) }
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => (isJose ? undefined : counted) as never)
  own = verifierOf()
  jose = verifierOf()
})

afterAll(() => {
  vi.restoreAllMocks()
})

/** Without a cache: each token is judged anew. */
function verifierOf(): ExternalVerifier {
  const issuer = {
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUrl: `${ISSUER}/jwks`,
    fetch: async () => new Response(JSON.stringify({ keys: JWKS })),
    clockTolerance: 5,
  }
  return [...createExternalVerifiers(issuer, () => NOW * 1000, 0).values()][0]!
}

const random = randomness(SEED)
const { pick } = random

interface Draft {
  kind: Kind
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** Changes of the encoded text; each loses the signature. */
  changes: ((token: string) => string)[]
}

const STRANGE: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e300, '', 'x', [], {}, [null], ['x'], { x: 1 }],
  ...[NOW, NOW - 5, NOW - 6, NOW + 5, NOW + 6, String(NOW + 300), [NOW + 300], NOW + 0.5],
  ...[ISSUER, `${ISSUER}/`, [ISSUER], AUDIENCE, [AUDIENCE], [AUDIENCE, 'x'], [[AUDIENCE]], { 0: AUDIENCE, length: 1 }],
]
const CLAIM_NAMES = ['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', '__proto__', 'toString', 'length']
const ALGORITHMS = [
  'RS256',
  'ES256',
  'EdDSA',
  'Ed25519',
  'none',
  'HS256',
  'PS256',
  'RS512',
  'ES384',
  'es256',
  'toString',
]
const HEADER_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  alg: [...ALGORITHMS, ...STRANGE],
  kid: ['RS256', 'ES256', 'EdDSA', undefined, 'other', ...STRANGE],
  typ: ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined, 'logout+jwt', ...STRANGE],
  crit: [['b64'], ['exp'], [], ['alg'], ['b64', 'b64'], ...STRANGE],
  b64: [true, false, ...STRANGE],
  use: STRANGE,
  jwk: JWKS,
  ['__proto__']: STRANGE,
}

const MUTATIONS: readonly ((draft: Draft) => void)[] = [
  ({ header }) => {
    const name = pick(Object.keys(HEADER_VALUES))
    define(header, name, pick(HEADER_VALUES[name]!))
  },
  ({ claims }) => define(claims, pick(CLAIM_NAMES), pick(STRANGE)),
  ({ claims }) => define(claims, pick(CLAIM_NAMES), undefined),
  ({ changes }) => void changes.push(withCharacter()),
  ({ changes }) => void changes.push(withSignature()),
  ({ changes }) => void changes.push((token) => token.split('.').toReversed().join('.')),
]

/** An own member, whatever its name; JSON leaves out what is undefined. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function withCharacter(): (token: string) => string {
  const [place, removed, added] = [random.below(1_000_000), random.below(3), pick([...'ABCabc019-_.=+/ \n', ''])]
  return (token) => {
    const at = place % (token.length + 1)
    return token.slice(0, at) + added + token.slice(at + removed)
  }
}

function withSignature(): (token: string) => string {
  const [place, noise, which] = [random.below(4096), random.bytes(), random.below(8)]
  return (token) => {
    const end = token.lastIndexOf('.') + 1
    const signature = Buffer.from(token.slice(end), 'base64url')
    const half = signature.length / 2
    const flipped = Buffer.from(signature)
    if (flipped.length > 0) flipped[place % flipped.length]! ^= 1 << (place & 7)
    const changed = [
      flipped,
      signature.subarray(0, place % (signature.length + 1)),
      Buffer.concat([signature, noise.subarray(0, 1 + (place % 8))]),
      Buffer.concat([signature.subarray(half), signature.subarray(0, half)]),
      Buffer.alloc(signature.length),
      noise,
      inDer(signature),
      Buffer.concat([Buffer.alloc(1), signature]),
    ][which]!
    return token.slice(0, end) + changed.toString('base64url')
  }
}

/** r and s as ASN.1 has them, which no JWS may. */
function inDer(signature: Buffer): Buffer {
  const integers = [signature.subarray(0, 32), signature.subarray(32, 64)].map((bytes) =>
    Buffer.concat([Buffer.of(2, bytes.length + 1, 0), bytes]),
  )
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.of(0x30, body.length), body])
}

function draw(): string {
  // RSA signs slowly: it is drawn less often.
  const kind = pick(['RS256', ...Array.from({ length: 9 }, () => ['ES256', 'EdDSA'] as const).flat()] as const)
  const draft: Draft = {
    kind,
    header: { alg: kind, kid: kind, typ: 'JWT' },
    claims: { iss: ISSUER, aud: AUDIENCE, sub: 'ada', iat: NOW - 10, exp: NOW + 300 },
    changes: [],
  }
  const count = random.below(4)
  for (let step = 0; step < count; step++) pick(MUTATIONS)(draft)
  const isOther = random.below(20) === 0
  return draft.changes.reduce(
    (token, change) => change(token),
    sealed(draft, (isOther ? OTHERS : PAIRS)[kind].privateKey),
  )
}

function sealed({ kind, header, claims }: Draft, key: KeyObject): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign(hashOf(kind), Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function hashOf(kind: Kind): string | null {
  return kind === 'EdDSA' ? null : 'sha256'
}

/** What may be accepted at all. As short as it can be said, and no part of it from the code that is tested. */
function isValid(token: string): boolean {
  const parts = token.split('.')
  const bytes = parts.map((part) => Buffer.from(part, 'base64url'))
  if (parts.length !== 3 || bytes.some((each, index) => each.toString('base64url') !== parts[index])) return false
  const [header, claims] = [JSON.parse(bytes[0]!.toString()), JSON.parse(bytes[1]!.toString())]
  const kind = (header.alg === 'Ed25519' ? 'EdDSA' : header.alg) as Kind
  const key = KEYS.find(({ kid }) => kid === kind)
  if (!key || (header.kid !== undefined && header.kid !== key.kid)) return false
  // RFC 7797 §3: the one extension that jose understands, where it changes nothing.
  const { crit = ['b64'] } = header
  if (!Array.isArray(crit) || crit.length === 0 || crit.some((name) => name !== 'b64')) return false
  if (header.crit !== undefined && header.b64 !== true) return false
  const options = { key: key.key, dsaEncoding: 'ieee-p1363' } as const
  if (bytes[2]!.length !== { RS256: 256, ES256: 64, EdDSA: 64 }[kind]) return false
  if (!verify(hashOf(kind), Buffer.from(`${parts[0]}.${parts[1]}`), options, bytes[2]!)) return false
  const { iss, aud, sub, exp, nbf = 0, iat = 0 } = claims
  return (
    [undefined, 'jwt', 'at+jwt', 'application/jwt', 'application/at+jwt'].includes(
      typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ,
    ) &&
    iss === ISSUER &&
    (aud === AUDIENCE || (Array.isArray(aud) && aud.includes(AUDIENCE))) &&
    typeof sub === 'string' &&
    sub !== '' &&
    [exp, nbf, iat].every((time) => typeof time === 'number') &&
    exp > NOW - 5 &&
    nbf <= NOW + 5
  )
}

async function judged(verifier: ExternalVerifier, token: string, jws: DecodedJws): Promise<string> {
  isJose = verifier === jose
  let session: unknown
  const code = await outcome(async () => (session = await verifier.verify(token, jws)))
  return code === 'accepted' ? JSON.stringify(session) : code
}

function decoded(token: string): DecodedJws | undefined {
  try {
    return decodeJws(token, 16_384)
  } catch {
    return undefined
  }
}

describe(`${RUNS} tokens, most of them changed`, () => {
  test(
    'get the same answer at once as from jose, and none is accepted that a strict verifier refuses',
    async () => {
      const counts = { undecodable: 0, accepted: 0, refused: 0 }
      for (let run = 0; run < RUNS; run++) {
        const token = draw()
        const jws = decoded(token)
        if (!jws) {
          counts.undecodable++
          continue
        }
        const answer = await judged(own, token, jws)
        const expected = await judged(jose, token, jws)
        if (answer !== expected) throw new Error(`run ${run}, ${token}: ${answer}, and jose: ${expected}`)
        const isAccepted = answer.startsWith('{')
        if (isAccepted !== isValid(token)) throw new Error(`run ${run}, ${token}: ${answer}, strictly: ${!isAccepted}`)
        counts[isAccepted ? 'accepted' : 'refused']++
      }
      console.warn(
        `${RUNS} tokens, seed ${SEED}: ${JSON.stringify(counts)}, ${atOnce} verified at once, 0 disagreements`,
      )
      // Enough of each, and by the way that is tested: otherwise the comparison says nothing.
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(RUNS / 10)
      expect(atOnce).toBeGreaterThan(RUNS / 4)
    },
    TIMEOUT_MS,
  )
})
