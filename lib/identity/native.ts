import { LatchkeyError } from '../errors.ts'
import { decodeBase64url } from './base64url.ts'
import type { CryptoSuite, SigningKey } from './crypto.ts'

// A raw seed is refused everywhere and so is a JWK without `x`; PKCS#8 works in every engine.
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)

/** WebCrypto. Throws where the engine lacks Ed25519 or the page is no secure context. */
export const nativeSuite: CryptoSuite = {
  name: 'native',

  async hkdf(ikm, info) {
    const key = await crypto.subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits'])
    const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info }
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256))
  },

  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', data))
  },

  async signingKey(seed): Promise<SigningKey> {
    const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...seed])
    const extractable = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
    const { x } = await crypto.subtle.exportKey('jwk', extractable)
    // Never a principal of no key: this way @noble takes over.
    if (!x) throw new LatchkeyError('CRYPTO_UNAVAILABLE', 'no public key from this engine')
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
    return {
      publicKey: decodeBase64url(x),
      sign: async (data) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, data)),
    }
  },
}
