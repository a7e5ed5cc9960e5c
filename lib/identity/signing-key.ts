import type { CryptoSuite, SigningKey } from './crypto.ts'
import { loadNoble } from './device-key.ts'
import { nativeSuite } from './native.ts'

/**
 * Creates the Ed25519 key of a 32-byte seed.
 *
 * @param suite - the implementation to use. Defaults to WebCrypto, with @noble as fallback
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`: neither implementation works here
 */
export async function openSigningKey(seed: Uint8Array<ArrayBuffer>, suite?: CryptoSuite): Promise<SigningKey> {
  if (suite) return suite.signingKey(seed)
  try {
    return await nativeSuite.signingKey(seed)
  } catch {
    // WebKit refuses a few valid keys, and older engines refuse all: only an attempt shows whether it works.
    return (await loadNoble()).signingKey(seed)
  }
}
