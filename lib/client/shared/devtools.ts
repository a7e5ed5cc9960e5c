import type { AuthState } from '../../machine/state.ts'
import type { EventType } from '../../machine/events.ts'

/** One step of the machine, as the developer tools see it. It never holds a secret, token or proof. */
export interface DevtoolsRecord {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: EventType
  /** The event had no place in this phase and changed nothing. */
  readonly ignored: boolean
  readonly state: AuthState
}

/** What one `createAuth` shows to the developer tools. */
export interface DevtoolsInstance {
  /** The `name` option. */
  readonly name: string
  /** The present state. */
  getState(): AuthState
  /** @returns a function that ends the subscription */
  subscribe(listener: () => void): () => void
  /** What is known about time here. The tools may change `simulated`, to see what a wrong clock does. */
  readonly timing: Timing
}

/** What one `createAuth` knows about time. */
export interface Timing {
  /** Added to the clock by developer tools, milliseconds. */
  simulated: number
  /**
   * The account server's clock minus this device's, milliseconds; 0 until a server refused a token because of its
   * times.
   */
  skew: number
  /** When the record was last read or written here, milliseconds since 1970. */
  readAt: number
  /** When the token that was made last expires by this device's clock, milliseconds since 1970; null without one. */
  tokenExpiresAt: number | null
}

/** What developer tools put at `globalThis[Symbol.for('latchkey.devtools')]` before the app starts. */
export interface DevtoolsHook {
  /** @returns a function that is told of each event */
  register(instance: DevtoolsInstance): (record: DevtoolsRecord) => void
}

/** Registers with the developer tools, if there are any. */
export function registerDevtools(instance: DevtoolsInstance): ReturnType<DevtoolsHook['register']> | undefined {
  const hook = (globalThis as { [key: symbol]: DevtoolsHook | undefined })[Symbol.for('latchkey.devtools')]
  return hook?.register(instance)
}
