import { currentEntry, entryId } from './keyring.ts'
import { randomId } from './random-id.ts'
import type { AccountEntry, DeviceEntry, Entry, Keyring } from './record.ts'

// Pure functions on the record that a page needs only after its first load.

/** Returns the current identity if it is an account. */
export function currentAccount(keyring: Keyring | null): AccountEntry | undefined {
  const entry = currentEntry(keyring)
  return entry?.kind === 'account' ? entry : undefined
}

/** Returns the device identity of the current principal, also if an account is current. */
export function currentDevice(keyring: Keyring | null): DeviceEntry | undefined {
  return deviceOf(keyring, currentEntry(keyring)?.principal)
}

/** Returns the device identity of a principal, current or not. */
export function deviceOf(keyring: Keyring | null, principal: string | undefined): DeviceEntry | undefined {
  return keyring?.entries.find(
    (entry): entry is DeviceEntry => entry.kind === 'device' && entry.principal === principal,
  )
}

/** Returns the principals of the current identity: its own, then its aliases. */
export function currentPrincipals(keyring: Keyring | null): readonly string[] {
  const entry = currentEntry(keyring)
  return entry ? [entry.principal, ...(entry.kind === 'account' ? entry.aliases : [])] : []
}

/** Returns the device identity of one of the principals of the current identity. */
export function ownDevice(keyring: Keyring | null, principal: string | undefined): DeviceEntry | undefined {
  return currentPrincipals(keyring).some((own) => own === principal) ? deviceOf(keyring, principal) : undefined
}

/**
 * Returns the device identity that a backup is made of by default: one whose data nothing else restores, otherwise that
 * of the current principal. `storage.advice` is about the same one.
 */
export function deviceToBackUp(keyring: Keyring | null, now: number): DeviceEntry | undefined {
  const recoverable = currentAccount(keyring)?.recoverable
  const own = currentDevice(keyring)
  const principals = currentPrincipals(keyring)
  // In the order of the record, as in `viewOf`.
  const devices = (keyring?.entries ?? []).filter((entry) => isKeyOf(principals, entry))
  const exportable = devices.filter((device) => device.secret && (device.derived || device === own))
  const isRestored = (device: DeviceEntry): boolean =>
    isBackedUp(device, now) || (recoverable === true && !device.derived)
  const due = exportable.find((device) => !isRestored(device))
  return due ?? exportable.find((device) => device === own) ?? exportable[0] ?? own
}

function isBackedUp({ backedUpAt, backedUpUntil }: DeviceEntry, now: number): boolean {
  return backedUpAt !== null && !(backedUpUntil! <= now)
}

/**
 * Returns true if a recoverable account makes the secret of one of its devices unnecessary. For data that is encrypted,
 * a backup that expires is not enough: the data lasts longer, and nothing renews the backup once the secret is gone.
 */
export function isSpare({ derived, backedUpAt, backedUpUntil }: DeviceEntry): boolean {
  return !derived || (backedUpAt !== null && backedUpUntil === undefined)
}

/** Replaces one entry with another. Returns the same keyring if `before` is not in it. */
export function replaceEntry(keyring: Keyring, before: Entry | undefined, after: Entry): Keyring {
  if (!before || !keyring.entries.includes(before)) return keyring
  return { ...keyring, entries: keyring.entries.map((entry) => (entry === before ? after : entry)) }
}

/** Adds an entry, or replaces the one with the same id. */
export function putEntry(keyring: Keyring, entry: Entry): Keyring {
  return {
    ...keyring,
    entries: [...keyring.entries.filter((other) => entryId(other) !== entryId(entry)), entry],
  }
}

/**
 * Removes an entry that is no longer to be current. An account goes with those of its device keys that it restores by
 * itself; the others are set aside. A device, and every key of an account, goes only if it is to be forgotten.
 */
export function withoutEntry(keyring: Keyring, entry: Entry | undefined, isForgotten: boolean): Keyring {
  const isGone = (other: Entry): boolean =>
    entry?.kind === 'account'
      ? other === entry ||
        (isKeyOf([entry.principal, ...entry.aliases], other) && (isForgotten || (entry.recoverable && isSpare(other))))
      : isForgotten && other === entry
  return { ...keyring, entries: keyring.entries.filter((other) => !isGone(other)) }
}

/** Removes the keys of principals. */
export function withoutKeys(keyring: Keyring, principals: readonly string[]): Keyring {
  return { ...keyring, entries: keyring.entries.filter((entry) => !isKeyOf(principals, entry)) }
}

function isKeyOf(principals: readonly string[], entry: Entry): entry is DeviceEntry {
  return entry.kind === 'device' && principals.includes(entry.principal)
}

/** Adds an outbox item: the account server must still end a session. */
export function withSignOut(
  keyring: Keyring,
  { accountId, sessionId }: { readonly accountId: string; readonly sessionId?: string | undefined },
  createdAt: number,
): Keyring {
  const session = { accountId, ...(sessionId !== undefined && { sessionId }), createdAt }
  return { ...keyring, outbox: [...keyring.outbox, { id: randomId(), kind: 'sign-out', ...session }] }
}

/** `accountId` of the item for every session from before a sign-out. */
export const EVERY_ACCOUNT = '*'

/**
 * Adds an outbox item for every session from before a sign-out: the browser may have one that this device was not told
 * of. It replaces an earlier such item, which it covers.
 */
export function withSignOutOfAll(keyring: Keyring, createdAt: number): Keyring {
  const outbox = keyring.outbox.filter(({ accountId }) => accountId !== EVERY_ACCOUNT)
  return withSignOut({ ...keyring, outbox }, { accountId: EVERY_ACCOUNT }, createdAt)
}

/**
 * Returns the account with other aliases. A token that contains the old aliases is removed, since servers trust them.
 */
export function withAliases({ token, ...entry }: AccountEntry, aliases: readonly string[]): AccountEntry {
  return { ...entry, aliases, ...(token && `${aliases}` === `${entry.aliases}` && { token }) }
}
