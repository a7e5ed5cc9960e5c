import { verify } from 'node:crypto'
import { compactVerify, importJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { randomness } from '../random.testing.ts'
import {
  ALICE,
  APP,
  BOB,
  type Members,
  NOW,
  ORDER,
  TOKEN_HEADER,
  encode,
  fromLittleEndian,
  outcome,
  principalOf,
  seal,
  tokenClaims,
} from './forge.testing.ts'
import { type TokenVerifier, createTokenVerifier } from './verify.ts'

// Four verifiers of the same tokens, whose signatures are right more often than not: the own one with node:crypto, the
// own one with WebCrypto, a strict one written here, and jose, which knows nothing of devices and so accepts more.

const RUNS = Number(process.env['LATCHKEY_FUZZ_RUNS'] ?? 2000)
const SEED = process.env['LATCHKEY_EXPLORE_SEED'] ?? 'self-signed'
/** Hours, for a million runs on a slow machine. */
const TIMEOUT_MS = 14_400_000

let withNode: TokenVerifier
let withWebCrypto: TokenVerifier
let hasNode = true

beforeAll(() => {
  const node = process.getBuiltinModule('node:crypto')
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => (hasNode ? node : undefined) as never)
  // Without a cache: each token is judged anew.
  const options = { audience: APP, clock: () => NOW * 1000, cacheSize: 0 }
  withNode = createTokenVerifier(options)
  withWebCrypto = createTokenVerifier(options)
})

afterAll(() => {
  vi.restoreAllMocks()
})

const { below, bytes: noise, pick } = randomness(SEED)

const STRANGE: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e300, '', 'x', [], {}, APP, [APP], NOW, NOW + 60, NOW + 61, NOW + 3600, NOW + 3601],
  ...[
    String(NOW),
    ALICE.principal,
    BOB.principal,
    ALICE.principal.toUpperCase(),
    { kty: 'OKP', crv: 'Ed25519', x: BOB.x },
  ],
]
const CLAIMS = ['iss', 'sub', 'aud', 'iat', 'exp', 'sub_jwk', 'delegation', 'roles', '__proto__']
const HEADERS: Readonly<Record<string, readonly unknown[]>> = {
  alg: ['Ed25519', 'EdDSA', 'none', 'ES256', ...STRANGE],
  typ: ['latchkey+jwt', 'latchkey-proof+jwt', 'JWT', ...STRANGE],
  crit: [['exp'], []],
  kid: ['x'],
  b64: [true, false],
}

type Change = (json: string) => string

/** Changes of the claims' text: what a parser and a pattern could read in two ways. */
const CHANGES: readonly (() => Change)[] = [
  () => withMember(pick(CLAIMS), pick(STRANGE)),
  () => withText(pick(CLAIMS), pick(['1e3', '01', `${NOW}.0`, `${NOW / 10}e1`, '-0', 'null', '"\\u0061"'])),
  () => (json) => json.replace(':', pick([': ', ' :', ':\n', '::'])),
  () => (json) => json.replace('"aud"', pick(['"\\u0061ud"', '"aud" ', '"Aud"'])),
  () => (json) => json.replace('{', `{${pick(['"aud":"x",', `"sub":"${BOB.principal}",`, '"iat":1,', '"":0,'])}`),
  () => (json) => json.replace(/}$/, pick([`,"aud":"${APP}"}`, `,"exp":${NOW + 60}}`, '}}', ',}', '} '])),
  () => (json) => json.replace('"kty":"OKP"', pick(['"kty":"OKP","d":"x"', '"kty":"OKP","kty":"OKP"', '"kty":"EC"'])),
  () => (json) => JSON.stringify(Object.fromEntries(entriesOf(json).toReversed())),
]

function withMember(name: string, value: unknown): Change {
  return (json) => {
    const others = entriesOf(json).filter(([other]) => other !== name)
    return JSON.stringify(Object.fromEntries([...others, [name, value]]))
  }
}

function withText(name: string, value: string): Change {
  return (json) => json.replace(new RegExp(`"${name}":[^,]*`), `"${name}":${value}`)
}

function entriesOf(json: string): [string, unknown][] {
  try {
    return Object.entries(JSON.parse(json) as Members)
  } catch {
    return []
  }
}

function draw(): string {
  const header: Members = { ...TOKEN_HEADER }
  if (below(8) === 0) {
    const name = pick(Object.keys(HEADERS))
    header[name] = pick(HEADERS[name]!)
  }
  const iat = NOW - pick([0, 1, 899, 900, -60, -61])
  let claims = JSON.stringify({ ...tokenClaims(), iat, exp: iat + pick([1, 900, 3600, 3601]) })
  for (let left = below(3); left > 0; left--) claims = pick(CHANGES)()(claims)
  const token = seal(`${encode(JSON.stringify(header))}.${encode(claims)}`, below(12) === 0 ? BOB : ALICE)
  return below(6) === 0 ? spoilt(token) : token
}

/** Changes the encoded text, which loses the signature or its encoding. */
function spoilt(token: string): string {
  const end = token.lastIndexOf('.') + 1
  const signature = Buffer.from(token.slice(end), 'base64url')
  const above = Buffer.from((fromLittleEndian(signature.subarray(32)) + ORDER).toString(16).padStart(64, '0'), 'hex')
  const at = below(token.length)
  return pick([
    token.slice(0, at) + token.slice(at + 1),
    token.slice(0, at) + pick([...'Az09-_.=+ ']) + token.slice(at + 1),
    token.slice(0, end) + encode(noise()),
    token.slice(0, end) + encode(Buffer.concat([signature.subarray(0, 32), above.toReversed()])),
    token.slice(0, end) + encode(signature.subarray(0, below(64))),
    `${token}=`,
  ])
}

const MEMBERS = ['aud', 'exp', 'iat', 'iss', 'sub', 'sub_jwk']

/** What may be accepted at all. As short as it can be said, and no part of it from the code that is tested. */
function isValid(token: string): boolean {
  const parts = token.split('.')
  const decoded = parts.map((part) => Buffer.from(part, 'base64url'))
  if (parts.length !== 3 || decoded.some((each, index) => each.toString('base64url') !== parts[index])) return false
  const texts = decoded.slice(0, 2).map((each) => each.toString())
  const [header, claims] = texts.map(parsed) as [Members | undefined, Members | undefined]
  if (!header || !claims || countNames(texts[0]!) !== 2 || countNames(texts[1]!) !== 9) return false
  const { iss, sub, aud, sub_jwk: jwk } = claims
  const { iat, exp } = claims as { iat: number; exp: number }
  const { kty, crv, x } = (jwk ?? {}) as Record<string, unknown>
  return (
    (header['alg'] === 'EdDSA' || header['alg'] === 'Ed25519') &&
    header['typ'] === 'latchkey+jwt' &&
    Object.keys(claims).sort().join() === MEMBERS.join() &&
    iss === 'urn:latchkey:local-first' &&
    aud === APP &&
    kty === 'OKP' &&
    crv === 'Ed25519' &&
    (x === ALICE.x || x === BOB.x) &&
    sub === principalOf(x) &&
    [iat, exp].every(Number.isSafeInteger) &&
    iat <= NOW + 60 &&
    exp > NOW &&
    exp > iat &&
    exp - iat <= 3600 &&
    decoded[2]!.length === 64 &&
    fromLittleEndian(decoded[2]!.subarray(32)) < ORDER &&
    verify(null, Buffer.from(`${parts[0]}.${parts[1]}`), { key: { kty, crv, x }, format: 'jwk' }, decoded[2]!)
  )
}

function parsed(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' ? value : undefined
  } catch {
    return undefined
  }
}

/** Counts the names of members in JSON, those that are there twice too. */
function countNames(json: string): number {
  return [...json.matchAll(/"(?:[^"\\]|\\.)*"\s*:/g)].length
}

async function judged(verifier: TokenVerifier, token: string): Promise<string> {
  hasNode = verifier === withNode
  return outcome(() => verifier.verify(token))
}

async function isAcceptedByJose(token: string): Promise<boolean> {
  const { sub_jwk: jwk } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Members
  const { payload } = await compactVerify(token, await importJWK(jwk as object, 'EdDSA'))
  return payload.length > 0
}

describe(`${RUNS} local-first tokens, most of them changed`, () => {
  test(
    'get one answer from every verifier, and none is accepted that a strict one or jose refuses',
    async () => {
      const counts = { accepted: 0, refused: 0 }
      for (let run = 0; run < RUNS; run++) {
        const token = draw()
        const answer = await judged(withNode, token)
        const other = await judged(withWebCrypto, token)
        const isAccepted = answer === 'accepted'
        if (answer !== other) throw new Error(`run ${run}, ${token}: ${answer}, with WebCrypto ${other}`)
        if (isAccepted !== isValid(token)) throw new Error(`run ${run}, ${token}: ${answer}, strictly: ${!isAccepted}`)
        if (isAccepted) expect(await isAcceptedByJose(token)).toBe(true)
        counts[isAccepted ? 'accepted' : 'refused']++
      }
      console.warn(`${RUNS} local-first tokens, seed ${SEED}: ${JSON.stringify(counts)}, 0 disagreements`)
      // Enough of each: otherwise the comparison says nothing.
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(RUNS / 10)
    },
    TIMEOUT_MS,
  )
})
