import type { SessionState } from './machine/snapshot.ts'

/** Options of `start`. */
export interface StartOptions {
  /** False waits for `connect()`; defaults to the option of `connectSession`. */
  readonly autoConnect?: boolean
}

/** A session on one transport, created by `connectSession`. */
export interface ConnectedSession {
  /**
   * Resolves once the first start is done, or at once with `autoStart: false`. Never rejects, never waits for the
   * network.
   */
  readonly ready: Promise<void>
  /** The current state: frozen, the same reference until a field changes. */
  getState(): SessionState
  /**
   * Calls `listener` with the state after each change.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: (state: SessionState) => void): () => void
  /**
   * Starts a session with this token, or with one from `refresh.handler` or `auth`. Ends the previous session if it was
   * another one. A token that looks expired is refreshed first. Starting the same session again only connects and
   * updates the token.
   *
   * @throws {LatchkeyError} `SESSION_TOKEN_MISSING` for null, `TOKEN_*`, `PRINCIPAL_MISMATCH`: not the principal of
   *   `auth`, or, without a token, the transport keeps data of another principal and there is no `beforeRestart`;
   *   nothing changed. What `beforeRestart` throws
   */
  start(token?: string | null, options?: StartOptions): Promise<void>
  /** Connects after `autoConnect: false`, `disconnect()` or an error that no fresh token resolves. */
  connect(): void
  /** Disconnects until `connect()`. The session continues. */
  disconnect(): void
  /**
   * Replaces the token with a fresh one of the same principal. Resolves once the server accepted it or, without a
   * connection, once it is stored for the next one.
   *
   * @throws {LatchkeyError} `SESSION_TOKEN_MISSING` for null, `TOKEN_*`, `PRINCIPAL_MISMATCH`, `SESSION_ENDED`: nothing
   *   changed ·
   *   `ROLES_MISMATCH`: the session is closed · `SESSION_TOKEN_REFUSED`, `TOKEN_EXPIRED`, `OFFLINE`: the previous token
   *   stays in use
   */
  update(token: string | null): Promise<void>
  /** Ends the session: no traffic, no refresh. Local data stays. `start` begins another session. */
  end(): Promise<void>
  /**
   * Deletes the transport's local data. A running session disconnects for that, and connects again afterwards.
   *
   * @throws {TypeError} the transport has no `clear`
   * @throws {LatchkeyError} `OFFLINE`: the transport has not ended the deletion after 30 seconds; it may still do so,
   *   and nothing connects until then. Otherwise what the transport throws
   */
  clear(): Promise<void>
}
