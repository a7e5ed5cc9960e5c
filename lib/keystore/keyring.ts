import { LatchkeyError } from '../errors.ts'
import { type Entry, type Intent, type Keyring, RECORD_VERSION } from './record.ts'

// Pure functions on the record. Null means that no record exists. An empty record is different: without a current
// entry, the user has signed out.

/** A keyring without entries. */
export const EMPTY_KEYRING: Keyring = { v: RECORD_VERSION, current: null, entries: [], intent: null, outbox: [] }

/** Returns the current identity, if any. */
export function currentEntry(keyring: Keyring | null): Entry | undefined {
  return keyring?.entries.find((entry) => entryId(entry) === keyring.current)
}

/**
 * Returns the pending upgrade, unless it has expired or another identity is current. `now` is in milliseconds since
 * 1970.
 */
export function liveIntent(keyring: Keyring | null, now: number): Intent | null {
  const intent = keyring?.intent
  return intent &&
    (intent.conflict || intent.expiresAt > now) &&
    intent.principal === (currentEntry(keyring)?.principal ?? null)
    ? intent
    : null
}

/**
 * Parses a stored value. Unknown members are kept.
 *
 * @param value - the stored value; undefined if the store is empty
 * @returns null if there is no record
 * @throws {LatchkeyError} `KEYSTORE_CORRUPT`, `KEYSTORE_NEWER`
 */
export function parseKeyring(value: unknown): Keyring | null {
  if (value === undefined) return null
  const keyring = value as Keyring
  if (keyring?.v > RECORD_VERSION) throw new LatchkeyError('KEYSTORE_NEWER')
  if (!isKeyring(keyring)) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return keyring
}

function isKeyring(keyring: Keyring): boolean {
  // Of what a store can hold, only arrays have `every`.
  return (
    keyring?.v === RECORD_VERSION &&
    keyring.entries?.every?.(isEntry) &&
    keyring.outbox?.every?.((item) => isText(item?.accountId)) &&
    typeof keyring.intent === 'object' &&
    (keyring.current === null || currentEntry(keyring) !== undefined)
  )
}

function isEntry(entry: Entry): boolean {
  if (!isText(entry?.principal)) return false
  if (entry.kind === 'account') return isText(entry.accountId) && Array.isArray(entry.aliases)
  return entry.kind === 'device' && isText(entry.x) && (entry.secret?.length === 43 || typeof entry.keys === 'object')
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** Returns the id of an entry, unique in its keyring. */
export function entryId(entry: Entry): string {
  return `${entry.kind}:${entry.kind === 'device' ? entry.principal : entry.accountId}`
}
