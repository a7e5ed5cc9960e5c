import { type KeyObject, createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { Point } from '@noble/ed25519'
import { isLatchkeyError } from '../errors.ts'
import vectors from '../vectors/latchkey-v1.json' with { type: 'json' }

// Tokens signed here do not depend on the code under test: only on node:crypto, Buffer, @noble's points and the
// vectors.

export type Members = Record<string, unknown>

/** A key that signs any text. */
export interface Forger {
  readonly x: string
  readonly principal: string
  readonly publicKey: KeyObject
  sign(data: Uint8Array): Uint8Array
}

/** The parts of a token for {@link forge}, each as text or as members. */
export interface Parts {
  readonly header: Members | string
  readonly claims: Members | string
}

export const VECTORS: typeof vectors.identities = vectors.identities

/** Seconds since 1970, the `now` of every vector. */
export const NOW: number = VECTORS[0]!.now

/** `aud` of the vectors' tokens, and of their proofs. */
export const APP = 'https://notes.example'
export const ACCOUNT_SERVER = 'https://auth.notes.example'

/** The key of a vector. */
export function forgerOf({ signing_seed_hex: seed, x, principal }: (typeof VECTORS)[number]): Forger {
  const d = Buffer.from(seed, 'hex').toString('base64url')
  const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' })
  return { x, principal, publicKey: createPublicKey(key), sign: (data) => sign(null, data, key) }
}

/** The key of the first vector. Most tests change one of its tokens in one point. */
export const ALICE: Forger = forgerOf(VECTORS[0]!)
export const BOB: Forger = forgerOf(VECTORS[1]!)

export const TOKEN_HEADER: Members = { alg: 'EdDSA', typ: 'latchkey+jwt' }
export const PROOF_HEADER: Members = { alg: 'EdDSA', typ: 'latchkey-proof+jwt' }

export function tokenClaims({ x, principal }: Pick<Forger, 'x' | 'principal'> = ALICE): Members {
  return {
    iss: 'urn:latchkey:local-first',
    sub: principal,
    aud: APP,
    iat: NOW,
    exp: NOW + 900,
    sub_jwk: { kty: 'OKP', crv: 'Ed25519', x },
  }
}

export function proofClaims(forger: Pick<Forger, 'x' | 'principal'> = ALICE): Members {
  const { sub_jwk, ...common } = tokenClaims(forger)
  return { ...common, aud: ACCOUNT_SERVER, exp: NOW + 60, jti: 'AAAAAAAAAAAAAAAAAAAAAA', purpose: 'upgrade', sub_jwk }
}

/** Signs the two parts without changing them. */
export function forge({ header, claims }: Parts, signer: Pick<Forger, 'sign'> = ALICE): string {
  return seal(`${encode(text(header))}.${encode(text(claims))}`, signer)
}

/** Appends the signature of parts that are already encoded. */
export function seal(input: string, signer: Pick<Forger, 'sign'> = ALICE): string {
  return `${input}.${encode(signer.sign(Buffer.from(input)))}`
}

export function text(part: Members | string): string {
  return typeof part === 'string' ? part : JSON.stringify(part)
}

export function encode(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('base64url')
}

/** Returns the members of one part of a compact JWS. */
export function membersOf(token: string, part: 0 | 1): Members {
  return JSON.parse(Buffer.from(token.split('.')[part]!, 'base64url').toString()) as Members
}

/** RFC 7638 thumbprint and RFC 9562 bits, implemented independently for keys that are in no vector. */
export function principalOf(x: string): string {
  const bytes = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest().subarray(0, 16)
  const hex = Buffer.from(bytes).toString('hex')
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) % 4]!
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)].join(
    '-',
  )
}

/** The group order L (RFC 8032 §5.1). */
export const ORDER: bigint = 2n ** 252n + 27742317777372353535851937790883648493n

/** Returns true if [S]B = R + [h]A, the equation of RFC 8032 §5.1.7, without any other check. */
export function fitsEquation(input: string, signature: Uint8Array, publicKey: Uint8Array): boolean {
  const h = createHash('sha512').update(signature.subarray(0, 32)).update(publicKey).update(input).digest()
  const right = Point.fromBytes(signature.subarray(0, 32), true).add(
    times(Point.fromBytes(publicKey, true), fromLittleEndian(h) % ORDER),
  )
  return times(Point.BASE, fromLittleEndian(signature.subarray(32))).equals(right)
}

/** Multiplies by any number, also beyond the group order and for points of any order. */
export function times(point: Point, factor: bigint): Point {
  let sum = Point.ZERO
  for (const bit of factor.toString(2)) sum = bit === '1' ? sum.double().add(point) : sum.double()
  return sum
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`)
}

/** Returns 32 bytes. */
export function toLittleEndian(value: bigint): Buffer {
  return Buffer.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toReversed())
}

/** Returns `accepted`, or the code of the LatchkeyError. Rethrows any other error. */
export async function outcome(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'accepted'
  } catch (error) {
    if (isLatchkeyError(error)) return error.code
    throw error
  }
}
