import { utf8 } from '../../lib/profile.ts'
import { uuidV5 } from './uuid.ts'

const NAMESPACE = utf8('jazz-auth-key-v1')

/**
 * Returns the Jazz user id of a public key.
 *
 * @param publicKey - 32 bytes
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`
 */
export function userIdOf(publicKey: Uint8Array): Promise<string> {
  return uuidV5(NAMESPACE, publicKey)
}
