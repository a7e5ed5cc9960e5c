import type { AuthErrorKind, AuthState } from '../../machine/state.ts'
import type { EventType } from '../../machine/events.ts'

/** One step of the machine, for developer tools. It never contains a secret, token or proof. */
export interface DevtoolsRecord {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: EventType
  /** The event's data. Absent for the start, which the first load records: its data is the state. */
  readonly payload?: Readonly<Record<string, unknown>>
  /** Names of the effects that the event started, in order. Absent for the start. */
  readonly effects?: readonly string[]
  /** True if the event is not allowed in this phase and changed nothing. */
  readonly ignored: boolean
  readonly state: AuthState
}

/** One `createAuth` instance, for developer tools. */
export interface DevtoolsInstance {
  /** The `name` option. */
  readonly name: string
  /** Returns the current state. */
  getState(): AuthState
  /** @returns a function that ends the subscription */
  subscribe(listener: () => void): () => void
  /** Facts about time. Developer tools may change `simulated`, to test a wrong clock. */
  readonly timing: Timing
}

/** An instance's facts about time. */
export interface Timing {
  /** Milliseconds that developer tools add to the clock. */
  simulated: number
  /**
   * The account server's clock minus this device's, in milliseconds; 0 until a server refused a token because of its
   * times.
   */
  skew: number
  /** Time at which the record was last read or written here, in milliseconds since 1970. */
  readAt: number
  /** Expiry of the last token by this device's clock, in milliseconds since 1970; null or absent without one. */
  tokenExpiresAt?: number | null
}

/** The hook that developer tools install at `globalThis[Symbol.for('latchkey.devtools')]` before the app starts. */
export interface DevtoolsHook {
  /** @returns a function that is called with each event */
  register(instance: DevtoolsInstance): DevtoolsRecorder
}

/** Is called with each event of one instance. */
export interface DevtoolsRecorder {
  (record: DevtoolsRecord): void
  /**
   * Called once, in pages only, when the rest of the client has loaded.
   *
   * @param load - loads the instance's controls, which are no part of what an app loads by itself
   */
  readonly connect?: (load: () => Promise<DevtoolsControls>) => void
}

/** What developer tools can see and do beyond the events. Nothing here contains a secret, signature, token or proof. */
export interface DevtoolsControls {
  /** `aud` of tokens for the page's own origin; null if the app has to name one. */
  readonly audience: string | null
  /** `aud` of proofs: the address of the account server; null without an account provider. */
  readonly accountAudience: string | null
  /** The header that carries the token. */
  readonly tokenHeader: string
  /** The name of the channel and the locks that all tabs share; null for a store that only this page uses. */
  readonly channel: string | null
  /** Returns the tokens in memory, without their signatures. */
  tokens(): readonly DevtoolsToken[]
  /** Returns the record, without its secrets; null if there is none. */
  record(): Readonly<Record<string, unknown>> | null
  /** Gives the instance a wrong clock, in milliseconds. Its tokens, and what it knows of the server's, are dropped. */
  setClock(simulated: number): void
  /**
   * Replaces the tokens that the device signs by expired ones, so that the next server refuses them, and drops those
   * of an account.
   */
  expireTokens(): Promise<void>
  /** Fetches or signs a new token for the page's own origin. */
  refreshToken(): Promise<void>
  /** Calls `reportToken`. */
  reportToken(reason: AuthErrorKind | null): void
  /** Deletes the record, as a browser does that clears site data. This page keeps a copy. */
  removeRecord(): Promise<void>
  /**
   * Stores that copy again.
   *
   * @returns false if there is no copy, or a record by now: then the copy stays
   */
  restoreRecord(): Promise<boolean>
  /**
   * Stores a conflict with an account that does not exist.
   *
   * @returns false if no device identity is current and at rest
   */
  showConflict(): Promise<boolean>
  /** Ends that conflict. */
  endConflict(): Promise<void>
  /** Signs out, and makes an identity current that this browser did not have: a new one, or one that was set aside. */
  switchDevice(principal?: string): Promise<void>
}

/** A token in memory, without its signature. */
export interface DevtoolsToken {
  readonly audience: string
  /** Empty if it is no JWT. */
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** Until when the client means to use it, in milliseconds since 1970. */
  readonly until: number
  /** True if it is not used again. */
  readonly isDropped: boolean
}

/** Registers with the developer tools, if there are any. */
export function registerDevtools(instance: DevtoolsInstance): ReturnType<DevtoolsHook['register']> | undefined {
  return (globalThis as { [key: symbol]: DevtoolsHook | undefined })[Symbol.for('latchkey.devtools')]?.register(
    instance,
  )
}
