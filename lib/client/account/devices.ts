import { LatchkeyError } from '../../errors.ts'
import { currentAccount } from '../../keystore/entries.ts'
import type {
  AccountDevice,
  AccountDevices,
  DeviceRevocation,
  RevokeDeviceOptions,
} from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'

/** Returns the devices of the current account. */
export async function devices(context: Context): Promise<readonly AccountDevice[]> {
  const { list, accountId } = await devicesOf(context)
  return list({ accountId })
}

/** Names a device of the current account. */
export async function renameDevice(context: Context, id: string, name: string): Promise<void> {
  const { rename, accountId } = await devicesOf(context)
  await rename(id, name, { accountId })
}

/** Ends the sessions of a device of the current account, and revokes its key. */
export async function revokeDevice(
  context: Context,
  id: string,
  options: RevokeDeviceOptions = {},
): Promise<DeviceRevocation> {
  checkGiven(options, { andThoseItLetIn: 'boolean' })
  const { andThoseItLetIn = false } = options
  const { revoke, accountId } = await devicesOf(context)
  return revoke(id, { andThoseItLetIn, accountId })
}

/** Ends every other session of the current account. */
export async function revokeOtherDevices(context: Context): Promise<DeviceRevocation> {
  const { revokeOthers, accountId } = await devicesOf(context)
  return revokeOthers({ accountId })
}

/** The browser may have a session of another account: the server refuses a request that is not for that one. */
async function devicesOf(context: Context): Promise<AccountDevices & { readonly accountId: string }> {
  const account = accountOf(context)
  if (!account?.devices) throw new LatchkeyError('DEVICES_UNSUPPORTED')
  await context.read()
  const entry = currentAccount(context.keyring())
  if (!entry) throw new LatchkeyError('SESSION_MISSING', 'no account is current')
  return { ...account.devices, accountId: entry.accountId }
}
