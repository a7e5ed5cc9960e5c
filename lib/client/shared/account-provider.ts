import type { LatchkeyError } from '../../errors.ts'

/** What the account server says about the session that is in force there. */
export interface AccountSession {
  /**
   * Another one after each sign-in. Without it a session that was there before `upgrade` ran cannot be told from one
   * that `run` made, and waits for the person's word.
   */
  readonly id?: string
  /**
   * The principal whose key signed the request that made the session, or null if that request had no proof. A provider
   * that cannot tell leaves it out: then a session counts as made by `run` if it has another `id` than before.
   */
  readonly provenBy?: string | null
  readonly accountId: string
  /** The account's canonical principal. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** A verified identifier or a passkey brings the account back without this device. */
  readonly recoverable: boolean
  /**
   * Nobody has used the account yet, so that it can still take a device's principal. Only where `peek` was asked for.
   */
  readonly open?: boolean
  /** E-mail addresses and phone numbers that the account has proven. */
  readonly identifiers?: readonly string[]
}

/**
 * The external provider, seen from the client. Better Auth's is `betterAuthAccount` from
 * `latchkey/better-auth/client`; any other one implements the same few calls.
 *
 * Every call rejects with `OFFLINE` when the server cannot be reached, and only then;
 * null means that there is no session.
 */
export interface AccountProvider {
  /** `aud` of proofs: the account server's origin plus base path, no trailing slash. Read when it is needed. */
  readonly audience: string
  /**
   * The session in force at the account server.
   *
   * @param options - `peek`: an account that nobody has used yet stays open
   */
  getSession(options?: { readonly peek?: boolean }): Promise<AccountSession | null>
  /** A fresh JWT of the account. */
  getToken(): Promise<string | null>
  /**
   * Tells whether a token is of the account in force, for providers whose `sub` is an id of their own; without it `sub`
   * has to be the account's principal.
   *
   * @param payload - of a token that came from the provider itself
   */
  isTokenOf?(
    payload: Readonly<Record<string, unknown>>,
    account: { readonly accountId: string; readonly principal: string },
  ): boolean
  /**
   * Calls `run` and attaches a fresh proof to each request that it makes to the account server, nowhere else
   * and at no other time.
   *
   * @param mint - signs one proof, with the server's nonce where it wants one; null where the device has no identity
   */
  withProof<Result>(
    mint: ((nonce?: string) => Promise<string>) | null,
    run: () => Result | Promise<Result>,
    typing?: Typing,
  ): Promise<ProvenRun<Result>>
  /**
   * Gives the device's principal to the account in force, which must be open and its session fresh.
   *
   * @param prove - signs a proof with the server's nonce
   * @param expected - the account that the session was of when it was decided, and the identifier that the user typed
   *   for it; the server refuses to bind any other one
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`; `PRINCIPAL_FIXED` or `ACCOUNT_HANDED_OVER`: the account stays as it is;
   *   `PROOF_IDENTIFIER_MISMATCH`: the session is of another account by now
   */
  bind?(prove: (nonce: string) => Promise<string>, expected?: ExpectedAccount): Promise<AccountSession>
  /**
   * Records the device's principal as an alias of the account in force, whose session must be fresh.
   *
   * @param prove - signs a proof with the server's nonce, which names the account's principal
   * @returns the account with the alias
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, or what the server says against it
   */
  link?(prove: (nonce: string) => Promise<string>): Promise<AccountSession>
  /**
   * Takes an alias back from the account in force, whose session must be fresh.
   *
   * @returns the account without the alias
   */
  unlink?(alias: string): Promise<AccountSession>
  /**
   * Gets a token for an audience (RFC 8693).
   *
   * @param prove - signs a proof with purpose `exchange`, and the server's nonce where it wants one; null where the
   *   account in force is to be asked by its session
   * @returns null where there is no session
   * @throws {LatchkeyError} `PRINCIPAL_DISABLED`, `TOKEN_EXPIRED`, `PROVIDER_REFUSED`: the audience is not one of the
   *   account server's
   */
  exchange?(audience: string, prove: ((nonce?: string) => Promise<string>) | null): Promise<string | null>
  /** Reads what `run` returned or threw: the failure in it, or null. Providers differ in which they do. */
  readFailure(outcome: unknown): LatchkeyError | null
  /**
   * The account server's own clock, milliseconds since 1970. It is asked when a server refused a token because of its
   * times; without it a wrong clock on the device cannot be told.
   */
  getTime?(): Promise<number>
  /** Ends the session at the account server. */
  signOut(): Promise<void>
}

/** The account that a device's principal is meant for. */
export interface ExpectedAccount {
  readonly accountId: string
  /** A verified e-mail address or phone number of the account; null if the user typed none. */
  readonly identifier: string | null
}

/** What the person types while `run` goes on, and typed before. */
export interface Typing {
  /** The identifier that an earlier step of the same upgrade sent: a request that verifies one names it. */
  readonly expected: string | null
  /** Called before a request that sends an e-mail address or phone number leaves. */
  onTyped(identifier: string): Promise<void>
}

/** What became of `run`. */
export interface ProvenRun<Result> {
  readonly result: Result
  /** `run` sent a request through the provider's client, with the proof if there was one. */
  readonly sent: boolean
  /**
   * `run` followed a link, and nothing that the person typed says whose it was: a session that came of it waits for
   * their word.
   */
  readonly unasked?: boolean
  /** The server said that it made a session. */
  readonly signedIn?: boolean
}
