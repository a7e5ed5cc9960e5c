import { decodeBase64url } from './encoding.ts'
import type { CryptoSuite, SigningKey } from './crypto.ts'

// No engine imports a raw seed or a JWK without `x`; all import PKCS#8.
const PKCS8_PREFIX = 'MC4CAQAwBQYDK2VwBCIEIA'

/** The implementation in WebCrypto. Throws if the engine lacks Ed25519 or the page is no secure context. */
export const nativeSuite: CryptoSuite = {
  name: 'native',

  hkdf: async (ikm, info) => expand(await importRoot(ikm), info),

  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', data))
  },

  async signingKey(seed): Promise<SigningKey> {
    const { x } = await crypto.subtle.exportKey('jwk', await importSeed(seed, true))
    const key = await importSeed(seed, false)
    // Without `x`, decoding throws, and @noble is used: no principal may be derived without a key.
    return { publicKey: decodeBase64url(x!), sign: (data) => signWith(key, data) }
  },
}

/** Creates an Ed25519 key from a 32-byte seed. */
export function importSeed(seed: Uint8Array<ArrayBuffer>, extractable: boolean): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    'pkcs8',
    new Uint8Array([...decodeBase64url(PKCS8_PREFIX), ...seed]),
    'Ed25519',
    extractable,
    ['sign'],
  )
}

/** Imports key material as a non-extractable root for {@link expand}. */
export function importRoot(ikm: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits'])
}

/** Returns the 64-byte Ed25519 signature of `data`. */
export async function signWith(key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', key, data))
}

/** HKDF-SHA-256 with an empty salt, 32 bytes out. */
export async function expand(root: CryptoKey, info: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, root, 256))
}
