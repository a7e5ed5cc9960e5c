import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { type DeviceKey, openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import { indexedDbStore } from '../keystore/indexed-db.ts'
import { type DeviceEntry, EMPTY_KEYRING, type Entry, type Keyring, currentEntry } from '../keystore/record.ts'
import { type RecordStore, openKeystore } from '../keystore/store.ts'
import { mintProof } from '../tokens/mint.ts'
import type { Purpose } from '../tokens/claims.ts'
import { type AuthState, INITIAL_STATE, type View, viewOf } from '../machine/state.ts'
import { type AuthEvent, type Effect, transition } from '../machine/transition.ts'
import { type Timing, registerDevtools } from './devtools.ts'
import type { AuthOptions } from './options.ts'
import { type GetTokenOptions, createTokenSource, readPayload } from './token.ts'

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
  /** Reads the record; false where there is none. */
  read(): Promise<boolean>
  /** Changes the record in one transaction; the same reference back writes nothing. */
  write(updater: (found: Keyring) => Keyring): Promise<void>
  /** One at a time over all tabs: whoever talks to the account server about who is signed in there. */
  exclusively<Value>(work: () => Promise<Value>): Promise<Value>
  /** The part of the state that follows from the record. */
  view(): View
  /** The device identity in force, ready to sign; null in the other modes. */
  deviceKey(): Promise<DeviceKey | null>
  /** `aud` of tokens for the page's own origin. */
  audience(): string
  /** The bearer for the mode in force. */
  getToken(options?: GetTokenOptions): Promise<string | null>
  /** Signs a proof with a device key. */
  prove(key: DeviceKey, audience: string, purpose: Purpose): Promise<string>
  /** Anything thrown, as an error with a code. */
  toError(thrown: unknown): LatchkeyError

  /** What loads after the identity stands. */
  acts(): Promise<Acts>
  // The acts get these from here, so that they share no chunk with the first load.
  /** A deliberate failure. */
  fail(...failure: ConstructorParameters<typeof LatchkeyError>): LatchkeyError
  /** The identity in force. */
  currentOf(ring: Keyring): Entry | undefined
  readPayload: typeof readPayload
}

/** The part of the client that loads later. */
export type Acts = typeof import('./acts.ts')

/** Puts the runtime together. It touches no global but the developer tools' hook. */
export function createRuntime(options: AuthOptions, acts: Runtime['acts']): Runtime {
  const { name = 'latchkey', clock = Date.now } = options
  const store = options.keystore ?? indexedDbStore(name)
  const keystore = openKeystore(store)
  const listeners = new Set<() => void>()
  const performers = new Map<Effect, (before: AuthState, event: AuthEvent) => void>()
  const getState = (): AuthState => state
  const subscribe = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const timing: Timing = { simulated: 0, skew: 0, tokenExpiresAt: null }
  const now = (): number => clock() + timing.simulated + timing.skew
  const record = registerDevtools({ name, getState, subscribe, timing })
  let state = freeze(INITIAL_STATE)
  let ring = EMPTY_KEYRING

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
      record({ at: now(), event: event.type, ignored, state })
      for (const effect of effects) performers.get(effect)?.(before, event)
      if (state !== before) for (const listener of [...listeners]) guarded(listener)
      return !ignored
    },
    on: (effect, perform) => void performers.set(effect, perform),
    ring: () => ring,
    async read() {
      const found = await keystore.read()
      ring = found ?? EMPTY_KEYRING
      return found !== undefined
    },
    async write(updater) {
      ring = await keystore.update((found) => updater(found ?? EMPTY_KEYRING))
    },
    exclusively: createLock(store.channel),
    view: () => viewOf(ring, store.durability),
    deviceKey: deviceKeyOpener(() => ring, options),
    prove: (key, audience, purpose) => mintProof(key, { audience, now: now() / 1000, purpose }),
    toError: (thrown) => (isLatchkeyError(thrown) ? thrown : new LatchkeyError('PROVIDER_REFUSED', undefined, thrown)),
    fail: (...failure) => new LatchkeyError(...failure),
    currentOf: currentEntry,
    readPayload,
    acts,
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

/** A lock over all tabs where the store is shared between them, over this page otherwise. */
function createLock(name: string | undefined): Runtime['exclusively'] {
  let last: Promise<unknown> = Promise.resolve()
  return <Value>(work: () => Promise<Value>): Promise<Value> => {
    const locks = name && globalThis.navigator?.locks
    if (locks) return locks.request(name, work) as Promise<Value>
    const next = last.then(work)
    last = next.catch(() => {})
    return next
  }
}

/** Keeps the key that was opened last: opening derives it anew. */
function deviceKeyOpener(ring: () => Keyring, options: AuthOptions): Runtime['deviceKey'] {
  let opened: { principal: string; key: Promise<DeviceKey> } | undefined
  return async () => {
    const entry = currentEntry(ring())
    if (entry?.kind !== 'device') return null
    if (opened?.principal !== entry.principal) {
      const key = openEntry(entry, options)
      opened = { principal: entry.principal, key }
      key.catch(() => (opened = undefined))
    }
    return opened.key
  }
}

async function openEntry(entry: DeviceEntry, { crypto }: AuthOptions): Promise<DeviceKey> {
  const key = await openDeviceKey(parseSecret(entry.secret ?? ''), crypto)
  if (key.principal !== entry.principal) throw new LatchkeyError('KEYSTORE_CORRUPT', 'the secret belongs to another principal')
  return key
}

/** Calls an app's callback; what it throws is the app's, and must not break the machine. */
export function guarded(callback: () => unknown): void {
  try {
    callback()
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}
