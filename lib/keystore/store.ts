import { LatchkeyError } from '../errors.ts'
import type { Keyring } from './record.ts'
import { parseKeyring } from './keyring.ts'

/**
 * Storage for the record. Every implementation must pass `storeAcceptance` from `latchkey/testing`. Every call settles
 * in bounded time, and updates settle in the order in which they were made.
 */
export interface RecordStore {
  /** `ephemeral`: lost with the page. `evictable`: the browser may delete it. `persistent`: stays. */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent'
  /** Absent: scripts of the page can copy a secret. `keychain`: the operating system keeps it from other apps. */
  readonly protection?: 'keychain'
  /** Name of the BroadcastChannel that announces changes to the store's other users; absent if there are none. */
  readonly channel?: string
  /** A marker outside the record that distinguishes a first visit from a vanished record; absent if impossible. */
  readonly trace?: Trace
  /**
   * Returns the record, or undefined if there is none.
   *
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`, `KEYSTORE_TIMEOUT`
   */
  read(): Promise<unknown>
  /**
   * Replaces the record in one transaction: no other user of the store reads or writes in between.
   *
   * @param updater - synchronous and without side effects, since it may be called again. Receives the record and
   *   returns the new one; returning the same reference writes nothing. If it throws, the update rejects with that
   *   error and nothing is written
   * @returns the updater's result, once it is on disk
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`, `KEYSTORE_TIMEOUT`
   * @throws {Error} without a code, for example a `TypeError` or a `DataCloneError`: the store cannot hold a value of
   *   the record, such as a `CryptoKey`. A code would mean that the store fails
   */
  update<Value>(updater: (found: unknown) => Value): Promise<Value>
  /** Closes connections. The next call opens them again. */
  close(): void
}

/** A marker that a record existed. It is only a hint: all data is in the record. */
export interface Trace {
  /** Returns true if a record existed. Synchronous. */
  found(): boolean
  /** Sets the marker. Called after each start that found or created a record. */
  leave(): void
}

/** A store whose records are validated. Null means that no record exists. */
export interface Keystore {
  /** Returns the record as last read or written here. */
  known(): Keyring | null
  /**
   * Reads and validates the record.
   *
   * @throws {LatchkeyError} the `KEYSTORE_*` codes
   */
  read(): Promise<Keyring | null>
  /**
   * Replaces the record in one transaction.
   *
   * @param updater - receives the record and returns the new one; the same reference, or null, writes nothing
   * @throws {LatchkeyError} the `KEYSTORE_*` codes, and whatever `updater` throws
   */
  update(updater: Updater, options?: UpdateOptions): Promise<void>
}

/** Changes the record. Synchronous and pure. */
export type Updater = (found: Keyring | null) => Keyring | null

/** Options of {@link Keystore.update}. */
export interface UpdateOptions {
  /** True if the app asked for an identity: a vanished record is restored from memory. */
  readonly restores?: boolean
}

/** Adds validation to a store, so that a damaged, newer or vanished record is never overwritten. */
export function openKeystore(store: RecordStore): Keystore {
  let known: Keyring | null = null
  let updates = 0

  // Latchkey never deletes a record: if a known record is missing, something else deleted it.
  const check = (found: Keyring | null): Keyring | null => {
    if (!found && (known || store.trace?.found())) throw new LatchkeyError('KEYSTORE_VANISHED')
    return found
  }

  return {
    known: () => known,
    async read() {
      const before = updates
      // A marker without a record may mean that another tab is between its first write and this read: read again.
      let value = await store.read()
      if (value === undefined && store.trace?.found()) value = await store.read()
      // An update that overtook this read has newer data.
      return before < updates ? known : (known = check(parseKeyring(value)))
    },
    async update(updater, { restores } = {}) {
      const value = await store.update((stored) => {
        const found = parseKeyring(stored)
        return updater((restores ? found : check(found)) ?? known) ?? stored
      })
      known = (value as Keyring | undefined) ?? null
      updates++
    },
  }
}
