import { Point } from '@noble/ed25519'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64url } from '../identity/base64url.ts'
import { type Identifier, identifierOf, thumbprintInput } from '../identity/principal.ts'

/** An imported public key, ready to verify. */
export interface PublicKey extends Identifier {
  /** Returns true if a 64-byte signature matches. The caller must check that the signature is canonical. */
  verify(data: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): boolean | Promise<boolean>
}

type NodeCrypto = typeof import('node:crypto')

/**
 * Imports an Ed25519 public key for verification, with node:crypto if available and otherwise with WebCrypto. Both
 * accept keys of small order, for which anyone can forge signatures: these are refused first.
 *
 * @param x - base64url, as in a JWK (RFC 8037)
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`, `TOKEN_KEY_NOT_CANONICAL`, `TOKEN_KEY_SMALL_ORDER`
 */
export async function importPublicKey(x: string): Promise<PublicKey> {
  const point = decodePoint(decodeX(x))
  if (point.isSmallOrder()) throw new LatchkeyError('TOKEN_KEY_SMALL_ORDER')
  const node = nodeCrypto()
  return node ? importWithNode(node, x) : importWithWebCrypto(x)
}

function decodeX(x: string): Uint8Array {
  try {
    const bytes = decodeBase64url(x)
    if (bytes.length === 32) return bytes
  } catch {
    // Refused with the same code as a wrong length, below.
  }
  throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub_jwk.x')
}

function decodePoint(bytes: Uint8Array): Point {
  try {
    return Point.fromBytes(bytes)
  } catch {
    throw new LatchkeyError('TOKEN_KEY_NOT_CANONICAL')
  }
}

function nodeCrypto(): NodeCrypto | undefined {
  // Looked up at run time, so that bundlers for other runtimes see no import of a Node module.
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  return process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined
}

function importWithNode(node: NodeCrypto, x: string): PublicKey {
  // From a JWK: many times faster here than from SPKI.
  const key = node.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return {
    ...identifierOf(node.createHash('sha256').update(thumbprintInput(x)).digest()),
    verify: (data, signature) => node.verify(null, data, key, signature),
  }
}

async function importWithWebCrypto(x: string): Promise<PublicKey> {
  const key = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, ['verify'])
  return {
    ...identifierOf(new Uint8Array(await crypto.subtle.digest('SHA-256', thumbprintInput(x)))),
    verify: (data, signature) => crypto.subtle.verify('Ed25519', key, signature, data),
  }
}
