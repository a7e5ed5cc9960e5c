import type { Awaitable } from '../awaitable.ts'
import type { AuthErrorKind } from '../machine/state.ts'

/**
 * Why the server ended a session. `UNAUTHORIZED`: it refuses the token · `TOKEN_EXPIRED`: the token has expired ·
 * `ROLES_MISMATCH`: the token's roles differ from the session's · `SCHEMA_MISMATCH`: client and server versions are
 * incompatible.
 */
export type SessionErrorKind = 'UNAUTHORIZED' | 'TOKEN_EXPIRED' | 'ROLES_MISMATCH' | 'SCHEMA_MISMATCH'

/**
 * How a transport reports what happens to one connection. Calls after that connection is over are ignored; `handOver`
 * rejects.
 */
export interface SessionConnection {
  /** The principal that this connection belongs to. A transport that keeps data stores it with the data. */
  readonly principal: string
  /** The server accepted the token. An open socket alone does not mean that. */
  accepted(): void
  /**
   * The server refused the token or no longer accepts it, and the connection is over.
   *
   * @param why - the kind of error, or the error name that `latchkey/server` answers with
   */
  rejected(why: SessionErrorKind | AuthErrorKind): void
  /**
   * The connection broke, and the token was not judged. The session reconnects with a backoff. A transport that
   * reconnects on its own, as sync engines do, never calls this.
   */
  lost(): void
  /**
   * The transport found data of another user, from before this session: waits for `beforeRestart`. Let a rejection pass
   * through `connect`: the session has ended, or this connection is over.
   *
   * @param from - the principal whose data it is
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: there is no `beforeRestart`, or it failed · `SESSION_ENDED`: another
   *   user came meanwhile, or this connection is over
   */
  handOver(from: string): Promise<void>
}

/** What a session drives: a sync engine's client or a socket. Each method may return a promise. */
export interface SessionTransport {
  /**
   * Whether user data stays in the transport after `disconnect`, on disk or in memory. `nothing`: a plain socket;
   * another principal's session starts on it at once. `data`: rows, documents or queued writes; another principal's
   * session starts only after `beforeRestart`.
   */
  readonly keeps: 'nothing' | 'data'
  /**
   * Opens a connection with this token and reports its progress through `connection`.
   * Throwing or rejecting counts as `connection.lost()`. So does a promise that stays open for 30 seconds without a
   * report: `disconnect('paused')` is called, `onFault` gets `OFFLINE`, and the session connects again with a backoff.
   * `connection.handOver` takes as long as the app does.
   */
  connect(token: string, connection: SessionConnection): unknown
  /**
   * Replaces the token on the open connection with a fresh one of the same principal and roles. Resolves once the
   * server accepted it; rejects when the server refused it, or with `OFFLINE` when it did not answer: the connection
   * then goes on with the previous token. An engine that never hears the server's answer may resolve once the token is
   * in place, and report a later refusal with `connection.rejected`. Without this method the session reconnects
   * instead.
   */
  update?(token: string): unknown
  /**
   * Receives the token of a session that does not connect yet (`autoConnect: false`), so that the principal is known
   * locally.
   */
  hold?(token: string): unknown
  /**
   * Stops all authenticated traffic; may be called without a connection. `paused`: the next `connect` continues the
   * same session. An engine that has stopped by itself, as after a 401, may leave its connection open then; `connect`
   * puts the next token in place. `ended`: the session is over. Local data stays in both cases.
   */
  disconnect(reason: 'paused' | 'ended'): unknown
  /**
   * Deletes the local data, unsent writes included. Only a transport that keeps data has this method. It is called
   * after `disconnect`, or during `connection.handOver`. Nothing connects until its promise has settled.
   */
  clear?(): unknown
  /**
   * Stores that the data belongs to this principal from now on: `beforeRestart` has handled what another user left.
   * Nothing connects until its promise has settled. For a transport that stores the owner with the data.
   */
  assign?(principal: string): unknown
  /**
   * Returns the stored owner of the data; null or undefined if there is none. Another tab may have changed it. For a
   * transport that stores the owner with the data.
   */
  owner?(): Awaitable<string | null | undefined>
}

/**
 * Checks a transport at construction.
 *
 * @throws {TypeError} `keeps` is missing or invalid, or `clear` contradicts it
 */
export function checkTransport({ keeps, clear }: SessionTransport): void {
  if (keeps !== 'nothing' && keeps !== 'data') throw new TypeError("transport.keeps: expected 'nothing' or 'data'")
  if (keeps === 'nothing' && clear) throw new TypeError("transport.clear: not allowed with keeps: 'nothing'")
}
