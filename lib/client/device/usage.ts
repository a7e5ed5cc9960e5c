import { LatchkeyError } from '../../errors.ts'
import { utf8 } from '../../identity/encoding.ts'
import { deviceOf, ownDevice, replaceEntry } from '../../keystore/entries.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import type { DeviceEntry } from '../../keystore/record.ts'
import type { DeriveKeyOptions } from '../auth.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { appKeyOf } from './app-key.ts'
import { openEntry } from './identity.ts'

/** How long a purpose may be, in bytes: WebCrypto of Node takes no more, and the key must be the same everywhere. */
const MOST_BYTES = 1024

/** Derives an app key from the device secret, and records that data may now depend on it. */
export async function deriveKey(
  context: Context,
  purpose: string,
  options: DeriveKeyOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkGiven(options, { principal: 'string' })
  const { principal = currentEntry(context.keyring())?.principal } = options
  if (typeof purpose !== 'string' || !purpose) throw new TypeError('purpose: expected a non-empty string')
  if (utf8(purpose).length > MOST_BYTES) throw new TypeError(`purpose: expected at most ${MOST_BYTES} bytes`)
  // A write may have told this tab of an identity that another tab made current.
  if (currentEntry(context.keyring())?.principal !== context.getState().session?.principal) {
    await context.read()
    throw new LatchkeyError('IDENTITY_CHANGED')
  }
  const entry = ownDevice(context.keyring(), principal)
  if (!entry) throw new LatchkeyError('IDENTITY_UNKNOWN', 'no device identity is current')
  const key = await openEntry(entry, context.options)
  await mark(context, entry.principal, { derived: true })
  // An account alone restores no data that this key encrypts, which the other tabs show too.
  const type = entry.derived ? 'storageChanged' : 'backupsChanged'
  context.dispatch({ type, storage: context.view().storage })
  // Another tab may have switched the identity meanwhile: this key must not be used for another principal.
  if (!ownDevice(context.keyring(), principal)) throw new LatchkeyError('IDENTITY_CHANGED')
  return appKeyOf(entry, key, purpose, context.options)
}

/** Records that the current identity may own data on a server or in a queue. */
export async function markWritten(context: Context): Promise<void> {
  await mark(context, context.getState().session?.principal, { wrote: true })
}

/** Marks the identity that made the change, even if it was set aside meanwhile. */
export function mark(
  context: Context,
  principal: string | undefined,
  marks: Partial<Pick<DeviceEntry, 'wrote' | 'derived' | 'isUnasked'>>,
): Promise<void> {
  return context.write((keyring) => {
    const entry = deviceOf(keyring, principal)
    if (!keyring || !entry) return keyring
    const isMarked = Object.entries(marks).every(([name, value]) => entry[name as keyof DeviceEntry] === value)
    return isMarked ? keyring : replaceEntry(keyring, entry, { ...entry, ...marks })
  })
}
