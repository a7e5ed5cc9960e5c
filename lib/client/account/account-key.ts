import type { DeviceKey } from '../../identity/device-key.ts'
import { currentAccount, deviceOf } from '../../keystore/entries.ts'
import { openEntry } from '../device/identity.ts'
import type { Context } from '../shared/context.ts'

/**
 * Returns the current account's own key, if this device has it, until the account has verified an identifier: that of
 * its principal or, if its principal is its id, that of an alias. The request that verifies one keeps the account's
 * principals only if it carries a proof by this key; any other would take them from the account.
 */
export async function unprovenAccountKey(context: Context): Promise<DeviceKey | null> {
  const keyring = context.keyring()
  const account = currentAccount(keyring)
  if (!account || account.recoverable) return null
  const { accountId, principal, aliases } = account
  const own = principal === accountId ? aliases : [principal]
  const entry = own.map((each) => deviceOf(keyring, each)).find((each) => each !== undefined)
  return entry ? openEntry(entry, context.options) : null
}
