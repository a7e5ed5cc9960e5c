import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { decodeBase64url } from '../../identity/base64url.ts'
import { type DeviceKey, openDeviceKey, openHardenedKey } from '../../identity/device-key.ts'
import { importRoot, importSeed, nativeSuite } from '../../identity/native.ts'
import { parseSecret } from '../../identity/secret.ts'
import { indexedDbStore } from '../../keystore/indexed-db.ts'
import { type DeviceEntry, EMPTY_KEYRING, type Keyring, currentEntry, liveIntent } from '../../keystore/record.ts'
import { type RecordStore, openKeystore } from '../../keystore/store.ts'
import { signJws } from '../../tokens/mint.ts'
import {
  type AuthState,
  INITIAL_STATE,
  type StoreFacts,
  type UpgradeState,
  type View,
  viewOf,
  waitingOf,
} from '../../machine/state.ts'
import { type AuthEvent, type Effect, transition } from '../../machine/transition.ts'
import { type Timing, registerDevtools } from './devtools.ts'
import { createIdentity, deviceEntry } from '../device/identity.ts'
import { type AuthOptions, isExchanged } from '../options.ts'
import { type GetTokenOptions, createTokenSource } from '../tokens/token-source.ts'

/** What the parts of the client share: the state, the record and the way to change both. */
export interface Runtime {
  readonly options: AuthOptions
  readonly name: string
  readonly store: RecordStore
  readonly timing: Timing
  /** Milliseconds since 1970, as the account server sees it as far as that is known. */
  now(): number
  getState(): AuthState
  subscribe(listener: () => void): () => void
  /**
   * Runs one event through the machine and performs its effects.
   *
   * @returns false if the event had no place in the present phase
   */
  dispatch(event: AuthEvent): boolean
  /** Registers what performs an effect. */
  on(effect: Effect, perform: (before: AuthState, event: AuthEvent) => void): void
  /** The record as it was last read or written here. */
  ring(): Keyring
  /** Reads the record and shows what it says; false where there is none. */
  read(): Promise<boolean>
  /** Changes the record in one transaction; the same reference back writes nothing. `isExplicit`: see `Keystore.update`. */
  write(updater: (found: Keyring) => Keyring, isExplicit?: boolean): Promise<void>
  /** Shows something new about the store itself. */
  learn(learned: Partial<StoreFacts>): void
  /** The part of the state that follows from the record. */
  view(): View
  /** What waits, according to the record. */
  waiting(): UpgradeState
  /** The device identity in force, ready to sign; null in the other modes. */
  deviceKey(): Promise<DeviceKey | null>
  /** `aud` of tokens for the page's own origin. */
  audience(): string
  /** The bearer for the mode in force. */
  getToken(options?: GetTokenOptions): Promise<string | null>
  /** Opens the device key of an entry, and checks that it is the key of its principal. */
  openEntry(entry: DeviceEntry): Promise<DeviceKey>
  /** What loads after the identity stands. */
  acts(): Promise<Acts>
  /** What the acts use of the first load. */
  readonly core: Core
}

/** The acts get these from the runtime: imported, they would move out of the first load into a chunk of their own. */
export interface Core {
  readonly EMPTY_KEYRING: Keyring
  fail(...failure: ConstructorParameters<typeof LatchkeyError>): LatchkeyError
  readonly createIdentity: typeof createIdentity
  readonly currentEntry: typeof currentEntry
  readonly decodeBase64url: typeof decodeBase64url
  readonly deviceEntry: typeof deviceEntry
  readonly guarded: typeof guarded
  readonly importRoot: typeof importRoot
  readonly importSeed: typeof importSeed
  readonly isExchanged: typeof isExchanged
  readonly isLatchkeyError: typeof isLatchkeyError
  readonly liveIntent: typeof liveIntent
  readonly nativeSuite: typeof nativeSuite
  readonly parseSecret: typeof parseSecret
  readonly signJws: typeof signJws
}

const core: Core = {
  EMPTY_KEYRING,
  fail: (...failure) => new LatchkeyError(...failure),
  createIdentity,
  currentEntry,
  decodeBase64url,
  deviceEntry,
  guarded,
  importRoot,
  importSeed,
  isExchanged,
  isLatchkeyError,
  liveIntent,
  nativeSuite,
  parseSecret,
  signJws,
}

/** The part of the client that loads later. */
export type Acts = typeof import('../lazy.ts')

/** Puts the runtime together. It touches no global but the developer tools' hook. */
export function createRuntime(options: AuthOptions, acts: Runtime['acts']): Runtime {
  const { name = 'latchkey', clock = Date.now } = options
  const store = options.keystore ?? indexedDbStore(name)
  const keystore = openKeystore(store)
  const listeners = new Set<() => void>()
  const performers = new Map<Effect, (before: AuthState, event: AuthEvent) => void>()
  const getState = (): AuthState => state
  const subscribe = (listener: () => void): (() => void) => (
    listeners.add(listener),
    () => void listeners.delete(listener)
  )
  const timing: Timing = { simulated: 0, skew: 0, readAt: 0, tokenExpiresAt: null }
  const now = (): number => clock() + timing.simulated + timing.skew
  const record = registerDevtools({ name, getState, subscribe, timing })
  let state = freeze(INITIAL_STATE)
  let isFull: boolean | undefined
  let facts: StoreFacts = { durability: store.durability, problem: undefined }
  const ring = (): Keyring => keystore.known() ?? EMPTY_KEYRING
  const view = (): View => viewOf(ring(), facts)
  const waiting = (): UpgradeState => waitingOf(ring(), now())
  const learn = (learned: Partial<StoreFacts>): void => {
    facts = { ...facts, ...learned }
    runtime.dispatch({ type: 'storageChanged', storage: view().storage })
  }

  /** What the store does shows in the state, whoever asked for it. */
  async function watched<Value>(work: () => Promise<Value>, isWrite?: boolean): Promise<Value> {
    try {
      const value = await work()
      timing.readAt = now()
      // A full disk can be read too, and that there is nothing to read is no sign that something could be written.
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

  const runtime: Runtime = {
    options,
    name,
    store,
    timing,
    now,
    getState,
    subscribe,
    dispatch(event) {
      const before = state
      const [next, ...effects] = transition(before, event)
      const ignored = effects.includes('reportIgnored')
      state = freeze(next)
      // Every read says what the record holds; it is news only if something changed.
      if (state !== before || event.type !== 'recordChanged') record({ at: now(), event: event.type, ignored, state })
      for (const effect of effects) performers.get(effect)?.(before, event)
      if (state !== before) for (const listener of [...listeners]) guarded(listener)
      return !ignored
    },
    on: (effect, perform) => void performers.set(effect, perform),
    ring,
    async read() {
      const isFound = (await watched(keystore.read)) !== undefined
      // What is known and what is shown must not differ: a token would be signed for the one under the name of the other.
      if (isFound && state.phase !== 'starting')
        runtime.dispatch({ type: 'recordChanged', view: view(), waiting: waiting() })
      return isFound
    },
    write: (updater, isExplicit) => watched(() => keystore.update(updater, isExplicit), true),
    learn,
    view,
    waiting,
    deviceKey: deviceKeyOpener(ring, options),
    acts,
    core,
    openEntry: (entry) => openEntry(entry, options),
    audience: () => defaultAudience(options),
    getToken: (request) => source(request),
  }
  const source = createTokenSource(runtime)
  return runtime
}

function defaultAudience(options: AuthOptions): string {
  const audience = options.audience ?? globalThis.location?.origin
  // An opaque origin (a sandboxed frame, a data: worker) calls itself "null", and so does every other one.
  if (!audience || audience === 'null') throw new TypeError('audience: required where there is no location')
  return audience
}

/** Keeps the key that was opened last: opening derives it anew. */
function deviceKeyOpener(ring: () => Keyring, options: AuthOptions): Runtime['deviceKey'] {
  let opened: { entry: DeviceEntry; key: Promise<DeviceKey> } | undefined
  return async () => {
    const entry = currentEntry(ring())
    if (entry?.kind !== 'device') return null
    // Once hardened, the secret goes from memory too.
    if (opened?.entry.principal !== entry.principal || opened.entry.secret !== entry.secret) {
      const key = openEntry(entry, options)
      opened = { entry, key }
      key.catch(() => (opened = undefined))
    }
    return opened.key
  }
}

/** Opens the device key of an entry, and checks that it is the key of its principal. */
async function openEntry(entry: DeviceEntry, { crypto }: AuthOptions): Promise<DeviceKey> {
  if (!entry.secret && entry.keys) return openHardenedKey(entry, entry.keys)
  const key = await openDeviceKey(parseSecret(entry.secret ?? ''), crypto)
  if (key.principal !== entry.principal) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return key
}

/** Calls an app's callback; what it throws is the app's, and must not break the machine. */
function guarded(callback: () => unknown): void {
  try {
    callback()
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}

function freeze<Value>(value: Value): Value {
  // What is no object counts as frozen.
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freeze)
  return value
}
