import type { AuthErrorKind } from '../machine/state.ts'

/**
 * Why the other side ended a session. `UNAUTHORIZED`: it does not take the token · `TOKEN_EXPIRED`: it no longer does ·
 * `ROLES_MISMATCH`: the token has other roles than the session · `SCHEMA_MISMATCH`: client and server do not fit each other.
 */
export type SessionErrorKind = 'UNAUTHORIZED' | 'TOKEN_EXPIRED' | 'ROLES_MISMATCH' | 'SCHEMA_MISMATCH'

/** How a transport tells what became of one connection. Calls after that connection is over mean nothing. */
export interface SessionConnection {
  /** Whose connection this is. A transport that keeps data remembers it, and never shows one principal's data to another. */
  readonly principal: string
  /** The other side took the token. An open socket alone is no such answer. */
  accepted(): void
  /**
   * The other side refused the token, or no longer takes it, and the connection is over.
   *
   * @param why - the kind of error, or the word that `latchkey/server` answers with
   */
  rejected(why: SessionErrorKind | AuthErrorKind): void
  /**
   * The connection broke without a verdict. The session connects again after a while; a transport that does so by itself,
   * as sync engines do, never calls this.
   */
  lost(): void
}

/** What a session drives: a sync engine's client, a socket. Each call may return a promise. */
export interface SessionTransport {
  /**
   * Opens a connection with this token, and tells through `connection` what becomes of it.
   * What it throws or rejects with counts as `connection.lost()`.
   */
  connect(token: string, connection: SessionConnection): unknown
  /**
   * Puts a fresh token of the same principal and the same roles in place on the open connection. Resolves once the other
   * side took it; rejects when it refused, or with `OFFLINE` when there was no answer: the connection then goes on with the token before.
   * Without this method the session connects anew.
   */
  update?(token: string): unknown
  /** Takes the token of a session that does not connect yet (`autoConnect: false`): who the person is, is already known. */
  hold?(token: string): unknown
  /**
   * Lets no more authenticated traffic out; may be called without a connection. `paused`: the same session goes on with
   * the next `connect`. `ended`: it is over. Local data stays in both cases.
   */
  disconnect(reason: 'paused' | 'ended'): unknown
  /** Deletes the local data. A transport that has this method keeps data, and one principal's never serves another. */
  clear?(): unknown
}
