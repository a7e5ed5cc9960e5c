import { deriveAppKey, deriveHardenedAppKey } from '../../identity/app-key.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import { parseSecret } from '../../identity/secret.ts'
import type { DeviceEntry } from '../../keystore/record.ts'
import type { AuthOptions } from '../auth.ts'

/** Derives the app key for `purpose` from a stored device identity, whose key was opened before. */
export function appKeyOf(
  { secret, keys }: DeviceEntry,
  { suite }: DeviceKey,
  purpose: string,
  { crypto }: AuthOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return !secret && keys
    ? deriveHardenedAppKey(keys, purpose)
    : deriveAppKey(parseSecret(secret ?? ''), purpose, suite, crypto)
}
