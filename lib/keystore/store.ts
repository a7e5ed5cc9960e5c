import type { Keyring } from './record.ts'
import { parseKeyring } from './record.ts'

/**
 * Where the one record is kept. Any implementation must pass `storeAcceptance` from `latchkey/testing`.
 */
export interface RecordStore {
  /** What happens to the record: `ephemeral` dies with the page, `evictable` the browser may clear, `persistent` stays. */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent'
  /** Name of the BroadcastChannel on which the store's other users hear of changes; absent where there are none. */
  readonly channel?: string
  /**
   * Returns the record, undefined where there is none.
   *
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`, `KEYSTORE_TIMEOUT`
   */
  read(): Promise<unknown>
  /**
   * Replaces the record in one transaction: no other user of the store reads or writes in between.
   *
   * @param updater - synchronous and without effects of its own, since it may be called again; gets the record and
   *   returns the new one, or the same reference to write nothing. What it throws rejects the update, and nothing is written
   * @returns what the updater returned, once it is on disk
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`, `KEYSTORE_TIMEOUT`
   */
  update<Value>(updater: (found: unknown) => Value): Promise<Value>
  /** Lets go of connections; the store opens them again when it is used. */
  close(): void
}

/** A store whose record is checked on the way in. */
export interface Keystore {
  /** @throws {LatchkeyError} the `KEYSTORE_*` codes */
  read(): Promise<Keyring | undefined>
  /** @throws {LatchkeyError} the `KEYSTORE_*` codes, and what `updater` throws */
  update(updater: (found: Keyring | undefined) => Keyring): Promise<Keyring>
}

/** Puts the record's checks in front of a store, so that what is damaged or newer is never overwritten. */
export function openKeystore(store: RecordStore): Keystore {
  return {
    read: async () => parseKeyring(await store.read()),
    update: (updater) => store.update((found) => updater(parseKeyring(found))),
  }
}
