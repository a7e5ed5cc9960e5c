import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import { indexedDbStore } from '../../keystore/indexed-db.ts'
import type { DeviceEntry, KeptToken, Keyring } from '../../keystore/record.ts'
import { type RecordStore, type UpdateOptions, type Updater, openKeystore } from '../../keystore/store.ts'
import { type StoreFacts, type UpgradeState, type View, viewOf, waitingOf } from '../../machine/state.ts'
import type { AuthOptions } from '../auth.ts'
import type { Timing } from './devtools.ts'
import { type Machine, runMachine } from './machine.ts'

/** Shared by all parts of the client: the state, the record, and the functions that change them. */
export interface Context extends Machine {
  readonly options: AuthOptions
  readonly store: RecordStore
  readonly timing: Timing
  /** The last token of each audience. */
  readonly tokens: Map<string, HeldToken>
  /** The last opened key, since opening derives it again. */
  opened?: { readonly entry: DeviceEntry; readonly key: Promise<DeviceKey> }
  /** Returns milliseconds since 1970 by the account server's clock, as far as it is known. */
  now(): number
  /** Returns the record as last read or written here; null if there is none. */
  keyring(): Keyring | null
  /** Reads the record and updates the state. */
  read(): Promise<Keyring | null>
  /** Changes the record in one transaction; the same reference, or null, writes nothing. */
  write(updater: Updater, options?: UpdateOptions): Promise<void>
  /** Updates the state with facts about the store. */
  learn(learned: Partial<StoreFacts>): void
  /** Returns the part of the state that derives from the record. */
  view(): View
  /** Returns the pending upgrade in the record. */
  waiting(): UpgradeState
}

/** A token in memory. One that was dropped is not used again, but recognized. */
export interface HeldToken extends KeptToken {
  readonly isDropped?: boolean
}

/** Creates the context. The only global that it accesses is the developer tools' hook. */
export function createContext(options: AuthOptions): Context {
  const { name = 'latchkey', clock = Date.now } = options
  const store = options.keystore ?? indexedDbStore(name)
  const timing: Timing = { simulated: 0, skew: 0, readAt: 0, tokenExpiresAt: null }
  const now = (): number => clock() + timing.simulated + timing.skew
  const base = { ...runMachine({ name, timing }, now), options, store, timing, tokens: new Map(), now }
  base.on('dropTokens', () => base.tokens.clear())
  return { ...base, ...openRecord(base) }
}

type Base = Pick<Context, keyof Machine | 'options' | 'store' | 'timing' | 'tokens' | 'now'>

function openRecord({ options, store, timing, now, getState, dispatch }: Base): Omit<Context, keyof Base> {
  const keystore = openKeystore(store)
  let isFull: boolean | undefined
  let facts: StoreFacts = { durability: store.durability }
  const view = (): View => viewOf(keystore.known(), facts)
  const waiting = (): UpgradeState => waitingOf(keystore.known(), now())
  const learn = (learned: Partial<StoreFacts>): void => {
    facts = { ...facts, ...learned }
    dispatch({ type: 'storageChanged', storage: view().storage })
  }

  /** Reports every success and failure of the store in the state. */
  async function watched<Value>(work: () => Promise<Value>, isWrite?: boolean): Promise<Value> {
    try {
      if (isLocalFile(options)) throw new LatchkeyError('KEYSTORE_OPAQUE')
      const value = await work()
      timing.readAt = now()
      // A full disk can still be read, and an empty read does not show that writing works.
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
      // The record and the state must not differ: otherwise a token would be signed for one identity and used as
      // another's.
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

/** Any local file reads what another one stored in the browser: the app has to say that this is meant. */
function isLocalFile({ audience, keystore }: AuthOptions): boolean {
  return !audience && !keystore && globalThis.location?.protocol === 'file:'
}
