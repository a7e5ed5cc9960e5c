import { LatchkeyError } from '../errors.ts'
import { decodeBase64url } from './base64url.ts'
import type { CryptoSuite, SigningKey } from './crypto.ts'

// A raw seed is refused everywhere and so is a JWK without `x`; PKCS#8 works in every engine.
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)

/** WebCrypto. Throws where the engine lacks Ed25519 or the page is no secure context. */
export const nativeSuite: CryptoSuite = {
  name: 'native',

  hkdf: async (ikm, info) => expand(await importRoot(ikm), info),

  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', data))
  },

  async signingKey(seed): Promise<SigningKey> {
    const { x } = await crypto.subtle.exportKey('jwk', await importSeed(seed, true))
    // Never a principal of no key: this way @noble takes over.
    if (!x) throw new LatchkeyError('CRYPTO_UNAVAILABLE')
    const key = await importSeed(seed, false)
    return { publicKey: decodeBase64url(x), sign: (data) => signWith(key, data) }
  },
}

/** Makes an Ed25519 key of a 32-byte seed. */
export function importSeed(seed: Uint8Array<ArrayBuffer>, extractable: boolean): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', new Uint8Array([...PKCS8_PREFIX, ...seed]), 'Ed25519', extractable, ['sign'])
}

/** Makes key material into a root for {@link expand} that cannot be copied out again. */
export function importRoot(ikm: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits'])
}

/** Returns the 64-byte Ed25519 signature of `data`. */
export async function signWith(key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', key, data))
}

/** HKDF-SHA-256 with an empty salt, 32 bytes out. */
export async function expand(root: CryptoKey, info: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, root, 256))
}
