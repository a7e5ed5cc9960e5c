import { LatchkeyError } from '../../errors.ts'
import { type DeviceKey, openDeviceKey, openHardenedKey } from '../../identity/device-key.ts'
import { parseSecret } from '../../identity/secret.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import type { DeviceEntry } from '../../keystore/record.ts'
import type { AuthOptions } from '../auth.ts'
import type { StartContext } from '../shared/context.ts'

/** Returns the key of the current device identity; null in the other modes. */
export async function currentKey(context: StartContext): Promise<DeviceKey | null> {
  const entry = currentEntry(context.keyring())
  if (entry?.kind !== 'device') return null
  const known = context.opened
  // After hardening, the secret leaves memory too.
  if (known?.entry.principal === entry.principal && known.entry.secret === entry.secret) return known.key
  const key = openEntry(entry, context.options)
  context.opened = { entry, key }
  key.catch(() => delete context.opened)
  return key
}

/** Opens the device key of an entry, and checks that it belongs to the principal. */
export async function openEntry(entry: DeviceEntry, { crypto }: AuthOptions): Promise<DeviceKey> {
  if (!entry.secret && entry.keys) return openHardenedKey(entry, entry.keys)
  const key = await openDeviceKey(storedSecret(entry), crypto)
  if (key.principal !== entry.principal) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return key
}

/** Nothing that the user typed is wrong: the record is damaged. */
function storedSecret({ secret = '' }: DeviceEntry): Uint8Array<ArrayBuffer> {
  try {
    return parseSecret(secret)
  } catch {
    throw new LatchkeyError('KEYSTORE_CORRUPT')
  }
}
