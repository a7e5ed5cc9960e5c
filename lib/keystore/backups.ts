import type { Backup, DeviceEntry, PasskeyBackup, StoredBackup } from './record.ts'

// Pure functions on the backups of a device identity.

/** Records that the user was given the secret to write down. That they have it is not shown yet. */
export function withBegunBackup(entry: DeviceEntry, label: string, now: number): DeviceEntry {
  const known = backupsOf(entry)
  // The secret never changes: a backup that was shown under this name stays shown.
  if (known.some((backup) => backup.kind === 'words' && backup.label === label && !isBegun(backup))) return entry
  const others = known.filter((backup) => !isBegun(backup))
  return withBackups(entry, [...others, { ...wordsOf(entry, now), label }])
}

/** Records that the user entered the secret again on this device. */
export function withShownBackup(entry: DeviceEntry, now: number): DeviceEntry {
  const known = backupsOf(entry)
  const shown = known.find(isBegun) ?? known.find(({ kind }) => kind === 'words') ?? wordsOf(entry, now)
  const others = known.filter((backup) => backup !== shown)
  return withBackups(entry, [...others, { ...shown, shownAt: now, shownOn: 'this-device' }])
}

/**
 * Records a passkey that sealed or opened the secret. It counts as long as its last use showed that it works elsewhere.
 *
 * @param shownOn - where this was shown, unless it was already shown on another device
 */
export function withPasskey(
  entry: DeviceEntry,
  { isShown, stored, ...passkey }: PasskeyBackup,
  now: number,
  shownOn: 'this-device' | 'another',
): DeviceEntry {
  const known = backupsOf(entry)
  const before = known.find(({ credentialId }) => credentialId === passkey.credentialId)
  const shown = isShown
    ? { shownAt: now, shownOn: before?.shownOn ?? shownOn }
    : ({ shownAt: null, shownOn: null } as const)
  // A file that the passkey opened before opens without the store, too.
  const isOnlyStored = isShown && stored && (typeof before?.shownAt !== 'number' || before.onlyStored)
  const inStore = stored ? storedFrom(stored, now) : before?.stored
  const others = known.filter((backup) => backup !== before)
  return withBackups(entry, [
    ...others,
    {
      kind: 'passkey',
      principal: entry.principal,
      ...passkey,
      ...shown,
      ...(inStore && { stored: inStore }),
      ...(isOnlyStored && { onlyStored: true }),
    },
  ])
}

/**
 * Records what a store said about a backup, unless another tab has changed the backup since the store was asked.
 *
 * @param keptFor - milliseconds; null: it does not expire; undefined: the store does not have it
 */
export function withStored(
  entry: DeviceEntry,
  asked: StoredBackup,
  keptFor: number | null | undefined,
  now: number,
): DeviceEntry {
  const isAsked = ({ stored }: Backup): boolean => stored?.hash === asked.hash && stored.checkedAt === asked.checkedAt
  const backups = backupsOf(entry).map(({ stored, ...backup }): Backup => {
    if (!stored || !isAsked({ stored, ...backup })) return { ...backup, ...(stored && { stored }) }
    return keptFor === undefined ? backup : { ...backup, stored: storedFrom({ ...asked, keptFor }, now) }
  })
  return withBackups(entry, backups)
}

/**
 * How often a store is asked about a backup that does not expire, milliseconds: it may have been removed elsewhere, and
 * it expires in 30 days once its principal has no account any more.
 */
const RECHECK_MS = 14 * 86_400_000

/**
 * True if a store should be asked to keep a backup for longer: half of its time is over, or the clock was set back
 * since the store was asked, so that the elapsed time is unknown.
 */
export function isDue({ checkedAt, expiresAt }: StoredBackup, now: number): boolean {
  const wait = expiresAt === null ? RECHECK_MS : (expiresAt - checkedAt) / 2
  return now < checkedAt || now - checkedAt >= wait
}

/** By this device's clock, which may be wrong: only its differences are used. */
function storedFrom(kept: NonNullable<PasskeyBackup['stored']>, now: number): StoredBackup {
  const { hash, audience, keptFor } = kept
  return { hash, ...(audience && { audience }), checkedAt: now, expiresAt: keptFor === null ? null : now + keptFor }
}

/** Records that the backup of a passkey was removed. */
export function withoutPasskey(entry: DeviceEntry, credentialId: string): DeviceEntry {
  return withBackups(
    entry,
    backupsOf(entry).filter((backup) => backup.credentialId !== credentialId),
  )
}

function isBegun({ kind, shownAt }: Backup): boolean {
  return kind === 'words' && shownAt === null
}

function wordsOf({ principal }: DeviceEntry, createdAt: number): Backup {
  return { kind: 'words', principal, label: '', createdAt, shownAt: null, shownOn: null }
}

/** Returns the backups, also of a record from before there was a list of them. */
export function backupsOf(entry: DeviceEntry): readonly Backup[] {
  const { backups, backedUpAt } = entry
  // A damaged list must not stand in the way of a new backup.
  if (Array.isArray(backups)) return backups
  return backedUpAt === null ? [] : [{ ...wordsOf(entry, backedUpAt), shownAt: backedUpAt, shownOn: 'this-device' }]
}

function withBackups(before: DeviceEntry, backups: readonly Backup[]): DeviceEntry {
  const { backups: _, backedUpUntil: __, ...entry } = before
  const shown = backups.filter(({ shownAt }) => shownAt !== null)
  const until = Math.max(...shown.map(expiryOf))
  return {
    ...entry,
    ...(backups.length > 0 && { backups }),
    backedUpAt: shown.length > 0 ? Math.max(...shown.map(({ shownAt }) => shownAt!)) : null,
    ...(Number.isFinite(until) && { backedUpUntil: until }),
  }
}

function expiryOf({ onlyStored, stored }: Backup): number {
  if (!onlyStored) return Infinity
  return stored ? (stored.expiresAt ?? Infinity) : 0
}
