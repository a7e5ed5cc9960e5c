import type { LatchkeyError } from '../../errors.ts'

/** What the account server says about the session that is in force there. */
export interface AccountSession {
  /**
   * Another one after each sign-in. Without it a session that was there before `upgrade` ran cannot be told from one
   * that `run` made, and waits for the person's word.
   */
  readonly id?: string
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
  /** Milliseconds since the sign-in, by the account server's clock: a late sign-out must not end a newer session. */
  readonly age?: number
  /** The account of the admin who impersonates this one. */
  readonly impersonatedBy?: string
}

/** What the client hands to each call that asks the account server. */
export interface CallOptions {
  /** Ends the request: the answer would come too late, or another call took its place. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The external provider, seen from the client. Better Auth's is `betterAuthAccount` from
 * `latchkey/better-auth/client`; any other one implements the same few calls.
 *
 * Every call rejects with `OFFLINE` when the server cannot be reached, with `PROVIDER_LIMITED` when it asks to wait, and
 * with `PROVIDER_FAILED` when it is broken; null means that the server itself said that there is no session. A call that
 * takes longer than ten seconds counts as `OFFLINE`, and its `signal` is aborted.
 */
export interface AccountProvider {
  /** `aud` of proofs: the account server's origin plus base path, no trailing slash. Read when it is needed. */
  readonly audience: string
  /**
   * The session in force at the account server.
   *
   * @param options - `peek`: an account that nobody has used yet stays open
   */
  getSession(options?: CallOptions & { readonly peek?: boolean }): Promise<AccountSession | null>
  /** A fresh JWT of the account. */
  getToken(options?: CallOptions): Promise<string | null>
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
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`; `PRINCIPAL_FIXED` or `ACCOUNT_HANDED_OVER`: the account stays as it is
   */
  bind?(prove: (nonce: string) => Promise<string>, options?: CallOptions): Promise<AccountSession>
  /**
   * Records the device's principal as an alias of the account in force, whose session must be fresh.
   *
   * @param prove - signs a proof with the server's nonce, which names the account's principal
   * @returns the account with the alias
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, or what the server says against it
   */
  link?(prove: (nonce: string) => Promise<string>, options?: CallOptions): Promise<AccountSession>
  /**
   * Takes an alias back from the account in force, whose session must be fresh.
   *
   * @returns the account without the alias
   */
  unlink?(alias: string, options?: CallOptions): Promise<AccountSession>
  /**
   * Gets a token for an audience (RFC 8693).
   *
   * @param prove - signs a proof with purpose `exchange`, and the server's nonce where it wants one; null where the
   *   account in force is to be asked by its session
   * @returns null where there is no session
   * @throws {LatchkeyError} `PRINCIPAL_DISABLED`, `TOKEN_EXPIRED`, `PROVIDER_REFUSED`: the audience is not one of the
   *   account server's
   */
  exchange?(
    audience: string,
    prove: ((nonce?: string) => Promise<string>) | null,
    options?: CallOptions,
  ): Promise<string | null>
  /**
   * Reads what `run` returned or threw: the failure of the account server in it, or null. Providers differ in which
   * they do. An error of the app itself is null.
   */
  readFailure(outcome: unknown): LatchkeyError | null
  /**
   * The account server's own clock, milliseconds since 1970. It is asked when a server refused a token because of its
   * times; without it a wrong clock on the device cannot be told.
   */
  getTime?(options?: CallOptions): Promise<number>
  /**
   * Tells whether a session is gone at the account server, also where the browser has another one by now. Without it a
   * sign-out is kept until the browser has no session.
   *
   * @param sessionId - `id` of the session
   */
  isEnded?(sessionId: string, options?: CallOptions): Promise<boolean>
  /**
   * Ends the browser's session at the account server. Resolves only once the server itself said so.
   *
   * @param options - `session`: the one that is to end; a newer one has to stay
   */
  signOut(options?: CallOptions & { readonly session?: Pick<AccountSession, 'id' | 'impersonatedBy'> }): Promise<void>
}

/** What the person types while `run` goes on, and typed before. */
export interface Typing {
  /** The identifier that an earlier step of the same upgrade sent: a request that verifies one names it. */
  readonly expected: string | null
  /** Aborted when the run is given up: no request carries a proof from then on. */
  readonly signal?: AbortSignal
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
}
