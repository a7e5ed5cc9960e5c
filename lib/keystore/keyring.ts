import { type Entry, type Intent, type Keyring, RECORD_VERSION, entryId } from './record.ts'

// Pure functions over the record. Null is a record that does not exist, which is not the same as an empty one: a record
// without a current entry means that the user signed out.

/** A keyring with nothing in it. */
export const EMPTY_KEYRING: Keyring = { v: RECORD_VERSION, current: null, entries: [], intent: null, outbox: [] }

/** The current identity, if any. */
export function currentEntry(keyring: Keyring | null): Entry | undefined {
  return keyring?.entries.find((entry) => entryId(entry) === keyring.current)
}

/** The pending upgrade, unless it expired or another identity is current by now. `now` in milliseconds since 1970. */
export function liveIntent(keyring: Keyring | null, now: number): Intent | null {
  const intent = keyring?.intent
  return intent &&
    (intent.conflict || intent.expiresAt > now) &&
    intent.principal === (currentEntry(keyring)?.principal ?? null)
    ? intent
    : null
}
