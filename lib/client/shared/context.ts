import { isLatchkeyError } from '../../errors.ts'
import { indexedDbStore } from '../../keystore/indexed-db.ts'
import type { Keyring } from '../../keystore/record.ts'
import { type RecordStore, type UpdateOptions, type Updater, openKeystore } from '../../keystore/store.ts'
import { type StoreFacts, type UpgradeState, type View, viewOf, waitingOf } from '../../machine/state.ts'
import type { AuthOptions } from '../auth.ts'
import type { Timing } from './devtools.ts'
import { type Machine, runMachine } from './machine.ts'

/** What the parts of the client share: the state, the record and the way to change both. */
export interface Context extends Machine {
  readonly options: AuthOptions
  readonly store: RecordStore
  readonly timing: Timing
  /** Milliseconds since 1970, as the account server sees it as far as that is known. */
  now(): number
  /** The record as it was last read or written here; null where there is none. */
  keyring(): Keyring | null
  /** Reads the record and shows what it says. */
  read(): Promise<Keyring | null>
  /** Changes the record in one transaction; the same reference, or null, writes nothing. */
  write(updater: Updater, options?: UpdateOptions): Promise<void>
  /** Shows something new about the store itself. */
  learn(learned: Partial<StoreFacts>): void
  /** The part of the state that follows from the record. */
  view(): View
  /** What is pending, according to the record. */
  waiting(): UpgradeState
}

/** Puts the context together. It touches no global but the developer tools' hook. */
export function createContext(options: AuthOptions): Context {
  const { name = 'latchkey', clock = Date.now } = options
  const store = options.keystore ?? indexedDbStore(name)
  const timing: Timing = { simulated: 0, skew: 0, readAt: 0, tokenExpiresAt: null }
  const now = (): number => clock() + timing.simulated + timing.skew
  const base = { ...runMachine({ name, timing }, now), options, store, timing, now }
  return { ...base, ...openRecord(base) }
}

type Base = Pick<Context, keyof Machine | 'options' | 'store' | 'timing' | 'now'>

function openRecord({ options, store, timing, now, getState, dispatch }: Base): Omit<Context, keyof Base> {
  const keystore = openKeystore(store)
  let isFull: boolean | undefined
  let facts: StoreFacts = { durability: store.durability, problem: undefined }
  const view = (): View => viewOf(keystore.known(), facts)
  const waiting = (): UpgradeState => waitingOf(keystore.known(), now())
  const learn = (learned: Partial<StoreFacts>): void => {
    facts = { ...facts, ...learned }
    dispatch({ type: 'storageChanged', storage: view().storage })
  }

  /** Every success and failure of the store shows in the state. */
  async function watched<Value>(work: () => Promise<Value>, isWrite?: boolean): Promise<Value> {
    try {
      const value = await work()
      timing.readAt = now()
      // A full disk can be read too, and reading no record is no sign that something could be written.
      const isOver = isWrite || (!isFull && (value || options.initialMode === 'anonymous'))
      if (facts.problem && isOver) learn({ problem: undefined })
      return value
    } catch (error) {
      if (isLatchkeyError(error) && error.code.startsWith('KEYSTORE')) {
        isFull = isWrite && error.code === 'KEYSTORE_FULL'
        learn({ problem: error.code })
      }
      throw error
    }
  }

  return {
    keyring: keystore.known,
    async read() {
      const found = await watched(keystore.read)
      // What is known and what is shown must not differ: a token would be signed for the one under the name of the
      // other.
      if (found && getState().phase !== 'starting')
        dispatch({ type: 'recordChanged', view: view(), waiting: waiting() })
      return found
    },
    write: (updater, how) => watched(() => keystore.update(updater, how), true),
    learn,
    view,
    waiting,
  }
}
