import type { DeviceKey } from '../../identity/device-key.ts'
import { currentAccount, deviceOf } from '../../keystore/entries.ts'
import { openEntry } from '../device/identity.ts'
import type { Context } from '../shared/context.ts'

/**
 * Returns the key of the current account's own principal, if this device has it, until the account has verified an
 * identifier. The request that verifies one keeps the account's principal only if it carries a proof by this key; a
 * proof by the key of an alias would take both from the account.
 */
export async function unprovenAccountKey(context: Context): Promise<DeviceKey | null> {
  const account = currentAccount(context.keyring())
  const entry = account && !account.recoverable ? deviceOf(context.keyring(), account.principal) : undefined
  return entry ? openEntry(entry, context.options) : null
}
