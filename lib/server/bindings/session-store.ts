/** A session of an account at its provider, as this server has seen it. Times are milliseconds since 1970. */
export interface AccountSessionRow {
  /** The provider's id of the session. */
  readonly session: string
  /** Plain text of at most 40 characters. */
  readonly name: string
  /** For example `Android`; null if unknown. */
  readonly platform: string | null
  /** When the server saw it first. */
  readonly createdAt: number
  readonly lastSeenAt: number
  /** Null if it was not revoked. */
  readonly revokedAt: number | null
}

/** Stores the sessions of accounts, so that users can list and revoke their devices. */
export interface AccountSessionStore {
  /** Returns a session of an account, also a revoked one, or null. */
  findSession(issuer: string, subject: string, session: string): Promise<AccountSessionRow | null>
  /** Returns the sessions of an account, the revoked ones too. */
  sessionsOf(issuer: string, subject: string): Promise<readonly AccountSessionRow[]>
  /**
   * Records that a session was used now. A revoked one stays revoked, and a name that was set stays.
   *
   * @param seen - `name` is stored if the session is new
   */
  seeSession(
    issuer: string,
    subject: string,
    seen: Pick<AccountSessionRow, 'session' | 'name' | 'platform'>,
  ): Promise<AccountSessionRow>
  /**
   * Names a session.
   *
   * @returns false if the account has no such session
   */
  nameSession(issuer: string, subject: string, session: string, name: string): Promise<boolean>
  /**
   * Revokes a session for ever. Of concurrent calls, one returns true.
   *
   * @returns false if the account has no such session, or it was revoked before
   */
  revokeSession(issuer: string, subject: string, session: string): Promise<boolean>
}

/** Returns true if a store has sessions. */
export function hasSessions(store: object): store is AccountSessionStore {
  return 'revokeSession' in store
}
