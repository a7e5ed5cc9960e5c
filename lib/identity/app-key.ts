import type { CryptoSuite, HardenedKeys } from './crypto.ts'
import { type DeviceKey, PROFILE, loadNoble } from './device-key.ts'
import { expand, nativeSuite } from './native.ts'
import { utf8 } from './encoding.ts'

/**
 * Derives the 32-byte key for `purpose` from a device secret (profile `latchkey/v1`). It is the same on every device
 * with the same secret.
 *
 * @param name - the implementation that holds the signing key
 * @param suite - the app's own implementation, if any
 */
export async function deriveAppKey(
  secret: Uint8Array<ArrayBuffer>,
  purpose: string,
  name: DeviceKey['suite'],
  suite?: CryptoSuite,
): Promise<Uint8Array<ArrayBuffer>> {
  const { hkdf } = suite ?? (name === 'native' ? nativeSuite : await loadNoble())
  return hkdf(await hkdf(secret, utf8(`${PROFILE}/app`)), utf8(purpose))
}

/** Derives the same key from the hardened keys that replaced the secret. */
export function deriveHardenedAppKey({ appRoot }: HardenedKeys, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  return expand(appRoot, utf8(purpose))
}
