import type { Auth } from '../client/auth.ts'
import type { ConnectedSession } from './connected-session.ts'
import type { SessionErrorKind } from './transport.ts'

/**
 * The part of `Auth` that a session uses. `markWritten` is for adapters: call it on a local write that does not go
 * through `auth.fetch`, so that a later sign-in to another account asks the user what to do with it.
 */
export type SessionAuth = Pick<Auth, 'ready' | 'getState' | 'subscribe' | 'getToken' | 'reportToken'> &
  Partial<Pick<Auth, 'markWritten'>>

/** Timers with the contract of `setTimeout` and `clearTimeout`. */
export interface SessionTimer {
  /**
   * @param milliseconds - at most 2^31 - 1
   * @returns a handle for `clear`
   */
  set(callback: () => void, milliseconds: number): unknown
  /** Cancels a timer. */
  clear(handle: unknown): void
}

/** Where fresh tokens come from, and how often. */
export interface RefreshOptions {
  /**
   * Returns a token; defaults to `auth.getToken`. null means that the provider has no session: the session ends, or
   * waits if it had no token yet. Throwing means that no token is available now, and is retried with a backoff of at
   * most five minutes. Without an identity of `auth`, a token of another principal ends the session and starts that
   * user's.
   */
  readonly handler?: () => Promise<string | null> | string | null
  /**
   * Milliseconds between refreshes, at least 1000. A token that expires earlier is still refreshed before it expires.
   */
  readonly interval?: number
}

/** A change of principal between two sessions on one transport. */
export interface RestartChange {
  /** The principal whose data the transport keeps. */
  readonly from: string
  /** The principal whose session starts next. */
  readonly to: string
}

/** Options of `connectSession`. */
export interface SessionOptions {
  /** The first token, if it comes neither from `auth` nor from `refresh.handler`. */
  readonly token?: string
  /** False waits for `start()`. */
  readonly autoStart?: boolean
  /** False waits for `connect()`. */
  readonly autoConnect?: boolean
  /** `aud` of the tokens from `auth`; defaults to the page's own audience. */
  readonly audience?: string
  readonly refresh?: RefreshOptions
  /**
   * Called when the server no longer accepts any token of the session, even a fresh one. The session is paused or
   * closed, and its local data may contain unsent writes. The callback may end the session, or clear the data after the
   * user agreed.
   */
  readonly onSessionError?: (kind: SessionErrorKind, session: ConnectedSession) => unknown
  /**
   * Called with every error of a refresh or of the transport, for logging; the session retries. A token that was
   * refused while the previous one is still accepted is `SESSION_TOKEN_REFUSED` or what the transport threw. Also
   * called with `PRINCIPAL_MISMATCH` when another principal's session does not start because `beforeRestart` is
   * missing: the session has ended.
   */
  readonly onFault?: (error: unknown) => unknown
  /**
   * Called and awaited before another principal's session starts automatically on a transport that keeps data: clear or
   * reassign the data here. Without it, or if it throws, that session does not start. If another user comes meanwhile,
   * or the session ends, the data stays that of `from`: `clear` of the session that the callback got then rejects with
   * `SESSION_ENDED`, and the next start calls the callback again. Not called for an adopted principal, whose data
   * belongs to the same user.
   */
  readonly beforeRestart?: (change: RestartChange, session: ConnectedSession) => unknown
  /** Reads the principal from a token's payload; defaults to `sub`. */
  readonly readPrincipal?: (payload: Readonly<Record<string, unknown>>) => unknown
  /**
   * Reads what a token update must not change; defaults to the claims `role` and `roles`. The order of list items is
   * ignored.
   */
  readonly readRoles?: (payload: Readonly<Record<string, unknown>>) => unknown
  /** Milliseconds since 1970; defaults to the system clock. */
  readonly clock?: () => number
  readonly timer?: SessionTimer
}

/**
 * Checks the options at construction.
 *
 * @throws {TypeError} an option is invalid
 */
export function checkSessionOptions({ refresh }: SessionOptions): void {
  const { interval = 1000, handler } = refresh ?? {}
  if (!(interval >= 1000)) throw new TypeError('refresh.interval: expected at least 1000 milliseconds')
  if (handler !== undefined && typeof handler !== 'function')
    throw new TypeError('refresh.handler: expected a function')
}
