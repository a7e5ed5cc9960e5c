import type { Auth } from '../client/auth.ts'
import type { ConnectedSession } from './connect-session.ts'
import type { SessionErrorKind } from './sink.ts'

/** What a session needs of `createAuth`. */
export type SessionAuth = Pick<Auth, 'ready' | 'getState' | 'subscribe' | 'getToken' | 'reportToken'>

/** Timers, as `setTimeout` and `clearTimeout` are. */
export interface SessionTimer {
  /**
   * @param milliseconds - never over 2^31 - 1
   * @returns what `clear` takes
   */
  set(callback: () => void, milliseconds: number): unknown
  /** Forgets what `set` began. */
  clear(handle: unknown): void
}

/** Where fresh tokens come from, and when. */
export interface RefreshOptions {
  /**
   * Gets a token; `auth.getToken` unless told. null means that there is no session at the provider: the session pauses. What it throws means
   * nothing but that there is no token now. In both cases it is called again, later and later, at most five minutes apart.
   */
  readonly handler?: () => Promise<string | null> | string | null
  /** Refreshes this often, in milliseconds, at least 1000; a token that ends earlier is still refreshed before its end. */
  readonly interval?: number
}

/** A change of the principal between two sessions on one sink. */
export interface RestartChange {
  /** Whose data the sink holds. */
  readonly from: string
  /** Whose session comes next. */
  readonly to: string
}

/** Options of `connectSession`. */
export interface SessionOptions {
  /** The first token, where it does not come from `auth` or `refresh.handler`. */
  readonly token?: string
  /** False waits for `start()`. */
  readonly autoStart?: boolean
  /** False waits for `connect()`. */
  readonly autoConnect?: boolean
  /** `aud` of the tokens that `auth` gives; the page's own audience unless told. */
  readonly audience?: string
  readonly refresh?: RefreshOptions
  /**
   * Called when the other side ended the session and a fresh token did not mend it. It may end the session and clear.
   */
  readonly onSessionError?: (kind: SessionErrorKind, session: ConnectedSession) => unknown
  /** Called with what a refresh or the sink threw, for a log. The session tries again by itself. */
  readonly onFault?: (error: unknown) => unknown
  /**
   * Called, and awaited, before another principal's session starts by itself on a sink that can `clear`: the place to clear, or to re-own, what
   * is there. Without it that session is not started. Not called for an adopted principal: the data is the same person's.
   */
  readonly beforeRestart?: (change: RestartChange, session: ConnectedSession) => unknown
  /** Picks the principal out of a token's payload; `sub` unless told. */
  readonly readPrincipal?: (payload: Readonly<Record<string, unknown>>) => unknown
  /** Picks what a token update may not change; the claims `role` and `roles` unless told. The order in a list means nothing. */
  readonly readRoles?: (payload: Readonly<Record<string, unknown>>) => unknown
  /** Milliseconds since 1970; the system clock unless told. */
  readonly clock?: () => number
  readonly timer?: SessionTimer
}

/** Refuses what cannot be meant, with a `TypeError`. */
export function checkSessionOptions({ refresh }: SessionOptions): void {
  const { interval = 1000, handler } = refresh ?? {}
  if (!(interval >= 1000)) throw new TypeError('refresh.interval: expected at least 1000 milliseconds')
  if (handler !== undefined && typeof handler !== 'function')
    throw new TypeError('refresh.handler: expected a function')
}
