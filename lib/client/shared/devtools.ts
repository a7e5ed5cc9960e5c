import type { AuthState } from '../../machine/state.ts'
import type { EventType } from '../../machine/events.ts'

/** One step of the machine, for developer tools. It never contains a secret, token or proof. */
export interface DevtoolsRecord {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: EventType
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
  /** Expiry of the last token by this device's clock, in milliseconds since 1970; null without one. */
  tokenExpiresAt: number | null
}

/** The hook that developer tools install at `globalThis[Symbol.for('latchkey.devtools')]` before the app starts. */
export interface DevtoolsHook {
  /** @returns a function that is called with each event */
  register(instance: DevtoolsInstance): (record: DevtoolsRecord) => void
}

/** Registers with the developer tools, if there are any. */
export function registerDevtools(instance: DevtoolsInstance): ReturnType<DevtoolsHook['register']> | undefined {
  const hook = (globalThis as { [key: symbol]: DevtoolsHook | undefined })[Symbol.for('latchkey.devtools')]
  return hook?.register(instance)
}
