import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import { attempted, indexedDbStore } from '../../keystore/indexed-db.ts'
import type { DeviceEntry, KeptToken, Keyring } from '../../keystore/record.ts'
import { type RecordStore, type UpdateOptions, type Updater, openKeystore } from '../../keystore/store.ts'
import type { Machine as Runner, MachineStep } from '../../machine/create-machine.ts'
import type { AuthEvent, Effect } from '../../machine/events.ts'
import { type SnapshotHolder, holdSnapshot } from '../../machine/snapshot.ts'
import {
  type AuthErrorKind,
  type AuthState,
  INITIAL_STATE,
  type StoreFacts,
  type UpgradeState,
  type View,
  viewOf,
  waitingOf,
} from '../../machine/state.ts'
import type { AuthOptions } from '../auth.ts'
import { type DevtoolsHook, type Timing, registerDevtools } from './devtools.ts'

/** Performs an effect. */
export type Performer = (step: MachineStep<AuthState, AuthEvent, Effect>) => void

/** The running machine: the functions that change its state. */
export interface Machine extends Pick<Runner<AuthState, AuthEvent, AuthState>, 'dispatch'> {
  /** Registers the performer of an effect. */
  on(effect: Effect, perform: Performer): void
}

/** Shared by all parts of the client: the state, the record, and the functions that change them. */
export interface Context extends StartContext, Machine {
  readonly dispatch: Machine['dispatch']
}

/** The context of the first load. The machine comes with the later chunk. */
export interface StartContext extends SnapshotHolder<AuthState> {
  /** Undefined until the machine is there. */
  readonly dispatch?: Machine['dispatch']
  /** True if there was no record when this page started. */
  isFirst?: boolean
  /** Reports an event to the developer tools, if there are any. */
  readonly record: ReturnType<DevtoolsHook['register']> | undefined
  readonly options: AuthOptions
  readonly store: RecordStore
  readonly timing: Timing
  /** The last token of each audience. */
  readonly tokens: Map<string, HeldToken>
  /** What `reportToken` was given before the machine was there. */
  readonly reports: (AuthErrorKind | null)[]
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
export function createContext(options: AuthOptions): StartContext {
  const { name = 'latchkey' } = options
  const store = options.keystore ?? indexedDbStore(name)
  const timing: Timing = { simulated: 0, skew: 0, readAt: 0 }
  const holder = holdSnapshot(INITIAL_STATE)
  const keystore = openKeystore(store)
  let isFull: boolean | undefined
  let facts: StoreFacts = { durability: store.durability, protection: store.protection }
  const clock = (): number => {
    // None is given, or it fails: nothing must wait for a clock.
    const time = attempted(options.clock!)
    return (Number.isFinite(time) ? time! : Date.now()) + timing.simulated
  }
  const now = (): number => clock() + timing.skew
  const view = (): View => viewOf(keystore.known(), facts, clock())
  const waiting = (): UpgradeState => waitingOf(keystore.known(), clock())
  const learn = (learned: Partial<StoreFacts>): void => {
    facts = { ...facts, ...learned }
    context.dispatch?.({ type: 'storageChanged', storage: view().storage })
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

  const context: StartContext = {
    ...holder,
    record: registerDevtools({ name, timing, ...holder }),
    options,
    store,
    timing,
    tokens: new Map(),
    reports: [],
    now,
    keyring: keystore.known,
    async read() {
      const found = await watched(keystore.read)
      // The record and the state must not differ: otherwise a token would be signed for one identity and used as
      // another's.
      if (found) context.dispatch?.({ type: 'recordChanged', view: view(), waiting: waiting() })
      return found
    },
    write: (updater, how) => watched(() => keystore.update(updater, how), true),
    learn,
    view,
    waiting,
  }
  return context
}

/** Any local file reads what another one stored in the browser: the app has to say that this is meant. */
function isLocalFile({ audience, keystore }: AuthOptions): boolean {
  return !audience && !keystore && globalThis.location?.protocol === 'file:'
}
