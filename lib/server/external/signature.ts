import type { CryptoKey } from 'jose'
import { type NodeCrypto, isOpenssl, nodeCrypto } from '../../tokens/node-crypto.ts'

/** Returns true if a signature (RFC 7518 §3, RFC 8037 §3.1) matches. */
export type SignatureCheck = (input: Uint8Array, signature: Uint8Array) => boolean

interface Method {
  /** What the key was imported as. */
  readonly algorithm: Readonly<Record<string, string>>
  readonly hash: string | null
}

/** The algorithms of nearly all issuers, and those that OpenSSL verifies fast enough to wait for. */
const METHODS: Readonly<Record<string, Method>> = {
  __proto__: null as never,
  RS256: { algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, hash: 'sha256' },
  ES256: { algorithm: { name: 'ECDSA', namedCurve: 'P-256' }, hash: 'sha256' },
  EdDSA: { algorithm: { name: 'Ed25519' }, hash: null },
  Ed25519: { algorithm: { name: 'Ed25519' }, hash: null },
}

/** RFC 7518 §3.3 requires 2048 bits. Verification with a longer key than the second would hold up other requests. */
const RSA_BITS = { least: 2048, most: 4096 } as const

/**
 * Creates the synchronous check of signatures under a key, in Node on OpenSSL. It is several times faster than
 * WebCrypto, whose every call waits for another thread.
 *
 * @param alg - the algorithm that the key was imported for
 * @returns undefined if jose has to verify instead
 */
export function createSignatureCheck(alg: string, key: CryptoKey): SignatureCheck | undefined {
  const method = METHODS[alg]
  const node = isOpenssl() ? nodeCrypto() : undefined
  const size = sizeOf(key)
  if (!node || !method || !isFor(method, key) || size === undefined) return undefined
  const verify = createVerify(node, method, key)
  // A text of another length is no signature, whatever the library makes of it.
  return (input, signature) => signature.length === size && verify(input, signature)
}

function isFor({ algorithm }: Method, { type, usages, algorithm: given }: CryptoKey): boolean {
  const { name, namedCurve, hash } = given as { name: string; namedCurve?: string; hash?: { name: string } }
  return (
    type === 'public' &&
    usages.includes('verify') &&
    name === algorithm['name'] &&
    namedCurve === algorithm['namedCurve'] &&
    hash?.name === algorithm['hash']
  )
}

/** Returns the length of a signature in bytes; undefined if the key is none for this check. */
function sizeOf({ algorithm }: CryptoKey): number | undefined {
  const { modulusLength: bits } = algorithm as { modulusLength?: number }
  if (bits === undefined) return 64
  return bits >= RSA_BITS.least && bits <= RSA_BITS.most ? Math.ceil(bits / 8) : undefined
}

function createVerify(node: NodeCrypto, { hash }: Method, cryptoKey: CryptoKey): SignatureCheck {
  const key = node.KeyObject.from(cryptoKey as never)
  // RFC 7518 §3.4: r and s one after the other, not in DER.
  const options = { key, dsaEncoding: 'ieee-p1363' as const }
  return (input, signature) => {
    try {
      return node.verify(hash, input, options, signature)
    } catch {
      // What cannot be verified is not valid, as jose has it.
      return false
    }
  }
}
