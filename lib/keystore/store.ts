import { LatchkeyError } from '../errors.ts'
import { type Keyring, parseKeyring } from './record.ts'

/**
 * Where the one record is kept. Any implementation must pass `storeAcceptance` from `latchkey/testing`.
 * Every call ends in bounded time, and updates answer in the order in which they were done.
 */
export interface RecordStore {
  /**
   * What happens to the record: `ephemeral` dies with the page, `evictable` the browser may clear, `persistent` stays.
   */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent'
  /** Name of the BroadcastChannel on which the store's other users hear of changes; absent where there are none. */
  readonly channel?: string
  /**
   * A trace beside the record, which tells a first visit from a record that vanished; absent where there can be none.
   */
  readonly trace?: Trace
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
   *   returns the new one, or the same reference to write nothing. What it throws rejects the update, and nothing is
   *   written
   * @returns what the updater returned, once it is on disk
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`, `KEYSTORE_TIMEOUT`
   */
  update<Value>(updater: (found: unknown) => Value): Promise<Value>
  /** Lets go of connections; the store opens them again when it is used. */
  close(): void
}

/** That a record was here, and nothing else. It is a hint: what matters is in the record. */
export interface Trace {
  /** Tells synchronously whether a record was here. */
  found(): boolean
  /** Called after each start that found or made a record. */
  leave(): void
}

/** A store whose record is checked on the way in. Null is a record that does not exist. */
export interface Keystore {
  /** The record as it was last read or written here. */
  known(): Keyring | null
  /** @throws {LatchkeyError} the `KEYSTORE_*` codes */
  read(): Promise<Keyring | null>
  /**
   * @param updater - gets the record and returns the new one; the same reference, or null, writes nothing
   * @throws {LatchkeyError} the `KEYSTORE_*` codes, and what `updater` throws
   */
  update(updater: Updater, options?: UpdateOptions): Promise<void>
}

/** Changes the record; synchronous and pure. */
export type Updater = (found: Keyring | null) => Keyring | null

/** How a record is updated. */
export interface UpdateOptions {
  /** The app asked for an identity: a record that vanished is made anew from what is known here. */
  readonly restores?: boolean
}

/** Puts the record's checks in front of a store, so that a damaged, newer or vanished record is never overwritten. */
export function openKeystore(store: RecordStore): Keystore {
  let known: Keyring | null = null
  let updates = 0

  // Latchkey never deletes a record: one that was seen and is not there was taken away.
  const check = (found: Keyring | null): Keyring | null => {
    if (!found && (known || store.trace?.found())) throw new LatchkeyError('KEYSTORE_VANISHED')
    return found
  }

  return {
    known: () => known,
    async read() {
      const before = updates
      // A trace without a record can be another tab between its first write and this read: the record is there by now.
      let value = await store.read()
      if (value === undefined && store.trace?.found()) value = await store.read()
      // An update that has overtaken this read knows better.
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
