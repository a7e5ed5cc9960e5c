import { type Entry, type Intent, type Keyring, RECORD_VERSION, entryId } from './record.ts'

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
