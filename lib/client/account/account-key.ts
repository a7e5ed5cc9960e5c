import type { DeviceKey } from '../../identity/device-key.ts'
import { currentAccount } from '../../keystore/entries.ts'
import type { DeviceEntry } from '../../keystore/record.ts'
import { openEntry } from '../device/identity.ts'
import type { Context } from '../shared/context.ts'

/**
 * Returns the current account's own key, if this device has it, until the account has verified an identifier: that of
 * its principal or, if its principal is its id, that of an alias. The request that verifies one keeps the account's
 * principals only if it carries a proof by this key; any other would take them from the account.
 */
export async function unprovenAccountKey(context: Context): Promise<DeviceKey | null> {
  const account = currentAccount(context.keyring())
  if (!account || account.recoverable) return null
  const own = account.principal === account.accountId ? account.aliases : [account.principal]
  const entry = context
    .keyring()!
    .entries.find((each): each is DeviceEntry => each.kind === 'device' && own.includes(each.principal))
  return entry ? openEntry(entry, context.options) : null
}
