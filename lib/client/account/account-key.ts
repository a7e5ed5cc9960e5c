import type { DeviceKey } from '../../identity/device-key.ts'
import { currentAccount, deviceOf } from '../../keystore/entries.ts'
import { openEntry } from '../device/current-key.ts'
import type { Context } from '../shared/context.ts'

/**
 * Returns the device key of the current account, until the account has verified an identifier. The request that
 * verifies one keeps the account's principal only if it carries a proof by this key.
 */
export async function unprovenAccountKey(context: Context): Promise<DeviceKey | null> {
  const account = currentAccount(context.keyring())
  if (!account || account.recoverable) return null
  const entries = [account.principal, ...account.aliases].map((principal) => deviceOf(context.keyring(), principal))
  const entry = entries.find((found) => found !== undefined)
  return entry ? openEntry(entry, context.options) : null
}
