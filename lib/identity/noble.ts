import { getPublicKey, hashes, sign } from '@noble/ed25519'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import type { CryptoSuite } from './crypto.ts'

/**
 * The implementation in pure JavaScript, for engines without Ed25519 in WebCrypto and for pages outside a secure
 * context. Pages load it automatically if WebCrypto fails. A service worker, where `import()` is not allowed, imports
 * it statically and passes it as `createAuth({ crypto: nobleSuite })`.
 */
export const nobleSuite: CryptoSuite = {
  name: 'noble',

  async hkdf(ikm, info) {
    return hkdf(sha256, ikm, undefined, info, 32)
  },

  async sha256(data) {
    return sha256(data)
  },

  async signingKey(seed) {
    hashes.sha512 = sha512
    return { publicKey: getPublicKey(seed), sign: async (data) => sign(data, seed) }
  },
}
