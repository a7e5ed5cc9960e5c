import type { JsonWebKey, KeyObject } from 'node:crypto'
import { Point } from '@noble/ed25519'
import type { Awaitable } from '../awaitable.ts'
import { LatchkeyError } from '../errors.ts'
import { encodeBase64url, isBase64url } from '../identity/encoding.ts'
import { type Identifier, identifierOf, principalOf, thumbprintInput } from '../identity/principal.ts'
import type { PublicJwk } from './claims.ts'
import { copyText, decodeBytes } from './decode.ts'
import type { NativeVerify } from './native-verifier.ts'
import { type NodeCrypto, isOpenssl, nodeCrypto } from './node-crypto.ts'

/** An imported public key, ready to verify. */
export interface PublicKey extends Identifier {
  /** Returns true if a 64-byte signature matches. The caller must check that the signature is canonical. */
  verify(data: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Awaitable<boolean>
  /** Frozen. */
  readonly jwk: PublicJwk
  /** Set by `checkPoint`. */
  isPoint?: true
}

/**
 * Imports an Ed25519 public key for verification, with node:crypto if available and otherwise with WebCrypto. Both
 * accept keys of small order, for which anyone can forge signatures: these are refused first, by their encodings.
 *
 * OpenSSL decompresses the point when it verifies, and fails if the bytes are none. Doing the same here first would
 * more than double the time, so it is done only for libraries that are not tested, and to name the reason of a refusal.
 *
 * @param x - base64url, as in a JWK (RFC 8037)
 * @param native - verifies instead of node:crypto, after the same checks
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`, `TOKEN_KEY_NOT_CANONICAL`, `TOKEN_KEY_SMALL_ORDER`
 */
export function importPublicKey(x: string, native?: NativeVerify): Awaitable<PublicKey> {
  const node = nodeCrypto()
  const bytes = decodeX(x)
  if (!isCanonical(bytes)) throw new LatchkeyError('TOKEN_KEY_NOT_CANONICAL')
  if (SMALL_ORDER.has(x)) throw new LatchkeyError('TOKEN_KEY_SMALL_ORDER')
  if (!isOpenssl()) decodePoint(bytes)
  const jwk = Object.freeze({ kty: 'OKP', crv: 'Ed25519', x: copyText(x) } as const)
  if (node && native) return new NativePublicKey(node, jwk, native)
  return node ? new NodePublicKey(node, jwk) : importWithWebCrypto(jwk)
}

/**
 * Checks that an imported key is a point on the curve. Only a refusal needs it, to name its reason: under any other key
 * no signature verifies.
 *
 * @throws {LatchkeyError} `TOKEN_KEY_NOT_CANONICAL`
 */
export function checkPoint(key: PublicKey): void {
  // Once for each key: forged tokens of a known key must not cost more than their verification.
  if (key.isPoint) return
  decodePoint(decodeX(key.jwk.x))
  key.isPoint = true
}

function decodeX(x: string): Uint8Array {
  // 43 characters of canonical base64url are 32 bytes.
  if (x.length !== 43 || !isBase64url(x)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub_jwk.x')
  return decodeBytes(x)
}

/** The canonical encodings of the eight points whose order divides 8: y is 0, 1, -1 or one of two roots. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA',
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '7P_______________________________________38',
  'JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU',
  'JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU',
  'xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o',
  'xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o',
])

/**
 * Returns true if 32 bytes are the canonical encoding of a point of small order. Strict verifiers refuse it as R, the
 * first half of a signature, too.
 */
export function hasSmallOrder(bytes: Uint8Array): boolean {
  return SMALL_ORDER.has(encodeBase64url(bytes))
}

/** RFC 8032 §5.1.3: y is below p = 2^255 - 19, and x = 0, which is where y is 1 or -1, has no sign. */
function isCanonical(bytes: Uint8Array): boolean {
  const [first, top, hasSign] = [bytes[0]!, bytes[31]! & 0x7f, bytes[31]! >= 0x80]
  if (top === 0x7f && first >= 0xec && isFilled(bytes, 0xff)) return first === 0xec && !hasSign
  return !(hasSign && top === 0 && first === 1 && isFilled(bytes, 0))
}

/** Compares the bytes between the first and the last. */
function isFilled(bytes: Uint8Array, value: number): boolean {
  return bytes.subarray(1, 31).every((byte) => byte === value)
}

function decodePoint(bytes: Uint8Array): void {
  try {
    Point.fromBytes(bytes)
  } catch {
    throw new LatchkeyError('TOKEN_KEY_NOT_CANONICAL')
  }
}

class NodePublicKey implements PublicKey {
  readonly jwk: PublicJwk
  readonly principal: string
  readonly thumbprint: string
  isPoint?: true
  readonly #node: NodeCrypto
  /** False before the first use, then true. A key object, which takes much memory, is made for the second use. */
  #key: KeyObject | boolean = false

  constructor(node: NodeCrypto, jwk: PublicJwk) {
    const digest = sha256(node, thumbprintInput(jwk.x))
    this.jwk = jwk
    this.principal = principalOf(digest.toString('hex'))
    this.thumbprint = digest.toString('base64url')
    this.#node = node
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    // From a JWK: many times faster here than from SPKI.
    const input = { key: this.jwk as JsonWebKey, format: 'jwk' } as const
    if (this.#key === true) this.#key = this.#node.createPublicKey(input)
    const key = this.#key || input
    this.#key ||= true
    return this.#node.verify(null, data, key, signature)
  }
}

class NativePublicKey extends NodePublicKey {
  readonly #verify: NativeVerify
  readonly #bytes: Uint8Array

  constructor(node: NodeCrypto, jwk: PublicJwk, verify: NativeVerify) {
    super(node, jwk)
    this.#verify = verify
    this.#bytes = decodeBytes(jwk.x)
  }

  override verify(data: Uint8Array, signature: Uint8Array): boolean {
    return this.#verify(data, signature, this.#bytes)
  }
}

/** In one call where there is one: the object for a hash in steps costs as much as the key. */
function sha256(node: NodeCrypto, data: Uint8Array): Buffer {
  const { hash } = node as Partial<NodeCrypto>
  return hash ? hash('sha256', data, 'buffer') : node.createHash('sha256').update(data).digest()
}

async function importWithWebCrypto(jwk: PublicJwk): Promise<PublicKey> {
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify'])
  return {
    ...identifierOf(new Uint8Array(await crypto.subtle.digest('SHA-256', thumbprintInput(jwk.x)))),
    jwk,
    verify: (data, signature) => crypto.subtle.verify('Ed25519', key, signature, data),
  }
}
