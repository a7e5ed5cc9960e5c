import type { LatchkeyError } from '../../errors.ts'
import type { RenewableBackups } from './renewable-backups.ts'

/** The current session at the account server. */
export interface AccountSession {
  /**
   * A new id after each sign-in. Without it, a session from before `upgrade` cannot be distinguished from one that
   * `run` created, and waits for the user's confirmation.
   */
  readonly id?: string
  /**
   * The principal whose key signed the request that created the session, or null if that request had no proof. A
   * provider that cannot tell omits it: then a session counts as created by `run` if its `id` differs from the one
   * before.
   */
  readonly provenBy?: string | null
  readonly accountId: string
  /** The account's canonical principal. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** True if a verified identifier or a passkey restores the account without this device. */
  readonly recoverable: boolean
  /** True if the account is unused, so that it can still take a device's principal. Only present if `peek` was set. */
  readonly open?: boolean
  /** False if the account cannot adopt another principal. Only present if `peek` was set and the provider can tell. */
  readonly canAdopt?: boolean
  /** Verified e-mail addresses and phone numbers of the account. */
  readonly identifiers?: readonly string[]
  /**
   * Milliseconds since the sign-in, by the account server's clock: a late sign-out must not end a newer session.
   * Without it, a sign-out ends only sessions that this device was told of.
   */
  readonly age?: number
  /** The account of the admin who impersonates this one. */
  readonly impersonatedBy?: string
}

/** Options of each call that asks the account server. */
export interface CallOptions {
  /** Aborts the request: its response would come too late, or another call replaced it. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The account provider as the client sees it. For Better Auth, use `betterAuthAccount` from
 * `latchkey/better-auth/client`; every other provider implements the same methods.
 *
 * Each method rejects with `OFFLINE` if the server cannot be reached, with `PROVIDER_LIMITED` if it is rate limiting,
 * and with `PROVIDER_FAILED` if it fails. Null means that the server itself reported no session. A call that takes
 * longer than ten seconds counts as `OFFLINE`, and its `signal` is aborted.
 */
export interface AccountProvider {
  /** `aud` of proofs: the account server's origin plus base path, without a trailing slash. Read on each use. */
  readonly audience: string
  /**
   * Returns the current session at the account server.
   *
   * @param options - `peek`: an unused account stays open
   */
  getSession(options?: CallOptions & { readonly peek?: boolean }): Promise<AccountSession | null>
  /** Returns a fresh JWT of the account; with `isTokenOf` also one that the provider's own client has cached. */
  getToken(options?: CallOptions): Promise<string | null>
  /**
   * Returns true if a token belongs to the current account, for providers whose `sub` is their own id. Without it,
   * `sub` must be the account's principal.
   *
   * @param payload - of a token that came from the provider itself
   */
  isTokenOf?(
    payload: Readonly<Record<string, unknown>>,
    account: { readonly accountId: string; readonly principal: string },
  ): boolean
  /**
   * Calls `run` and attaches a fresh proof to each request that it makes to the account server, and to no other
   * request.
   *
   * @param mint - signs one proof, with the server's nonce if it requires one; null if the device has no identity
   */
  withProof<Result>(
    mint: ((nonce?: string) => Promise<string>) | null,
    run: () => Result | Promise<Result>,
    typing?: Typing,
  ): Promise<ProvenRun<Result>>
  /**
   * Binds the device's principal to the current account, which must be open and have a fresh session.
   *
   * @param prove - signs a proof with the server's nonce
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`; `PRINCIPAL_FIXED` or `ACCOUNT_HANDED_OVER`: the account is unchanged
   */
  bind?(
    prove: (nonce: string) => Promise<string>,
    options?: CallOptions & Partial<ExpectedAccount>,
  ): Promise<AccountSession>
  /**
   * Adds the device's principal as an alias of the current account, whose session must be fresh.
   *
   * @param prove - signs a proof with the server's nonce, which names the account's principal
   * @returns the account with the alias
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, or another refusal of the server
   */
  link?(prove: (nonce: string) => Promise<string>, options?: CallOptions): Promise<AccountSession>
  /**
   * Removes an alias from the current account, whose session must be fresh.
   *
   * @returns the account without the alias
   */
  unlink?(alias: string, options?: CallOptions): Promise<AccountSession>
  /**
   * Returns a token for an audience (RFC 8693).
   *
   * @param prove - signs a proof with purpose `exchange`, and the server's nonce if it requires one; null to
   *   authenticate with the current account's session
   * @returns null if there is no session
   * @throws {LatchkeyError} `PRINCIPAL_DISABLED`, `TOKEN_EXPIRED`, `PROVIDER_REFUSED`: the account server does not have
   *   this audience
   */
  exchange?(
    audience: string,
    prove: ((nonce?: string) => Promise<string>) | null,
    options?: CallOptions,
  ): Promise<string | null>
  /**
   * Returns true if the device's principal belongs to an account, or belonged to one. Asked before a restore; it must
   * change nothing. Without it, a restore cannot tell whether the account server knows the identity.
   *
   * @param prove - signs a proof with purpose `known`, and the server's nonce if it requires one
   */
  isKnown?(prove: (nonce?: string) => Promise<string>, options?: CallOptions): Promise<boolean>
  /**
   * Returns the account server's failure from the value that `run` returned or threw. Providers differ in how they
   * report failures. Null if there is none, or for an error of the app itself.
   */
  readFailure(outcome: unknown): LatchkeyError | null
  /**
   * Returns the account server's clock, in milliseconds since 1970. Called after a server refused a token because of
   * its times. Without it, a wrong clock of the device cannot be detected.
   */
  getTime?(options?: CallOptions): Promise<number>
  /**
   * Calls `listener` after the app itself began or ended a session through the account client, outside `upgrade` and
   * `signOut`, and returns a function that ends the subscription. Without it, such a change appears only at the next
   * check.
   */
  subscribe?(listener: (change: SessionChange) => void): () => void
  /**
   * Returns true if a session no longer exists at the account server, regardless of the browser's current session.
   * Without it, a sign-out stays pending until the browser has no session.
   *
   * @param sessionId - `id` of the session
   */
  isEnded?(sessionId: string, options?: CallOptions): Promise<boolean>
  /** The account server's store for sealed backups: the client keeps them from expiring. */
  readonly backups?: RenewableBackups
  /** The devices of the account. Without it, an app cannot show them. */
  readonly devices?: AccountDevices
  /**
   * Ends the browser's session at the account server. Resolves only after the server itself confirmed it.
   *
   * @param options - `session`: the session to end; a newer one stays
   */
  signOut(options?: CallOptions & { readonly session?: Pick<AccountSession, 'id' | 'impersonatedBy'> }): Promise<void>
}

/** One device of an account. Times are milliseconds since 1970, by the account server's clock. */
export interface AccountDevice {
  /** Identifies the device; gives no access. */
  readonly id: string
  /** Set by the user, or taken from the user agent; plain text of at most 40 characters. */
  readonly name: string
  /** For example `Android`; null if unknown. */
  readonly platform: string | null
  readonly createdAt: number
  /** May lag by the interval at which the account server extends a session. */
  readonly lastSeenAt: number
  /** True for the device that sent the request. */
  readonly isCurrent: boolean
  /** Id of the device that approved this one by pairing, even if it is no longer in the list. Null if there is none. */
  readonly approvedBy: string | null
}

/** Options of `revokeDevice`. */
export interface RevokeDeviceOptions {
  /** Also revokes the devices that it approved by pairing, and those that they approved. Defaults to false. */
  readonly andThoseItLetIn?: boolean
}

/** The result of a revocation. */
export interface DeviceRevocation {
  /** Number of sessions that were ended. */
  readonly sessions: number
  /**
   * What happened to the device keys that created these sessions: `kept` if the account cannot be recovered without
   * them, `none` if there was no key, or if it was already revoked.
   */
  readonly keys: 'revoked' | 'kept' | 'none'
}

/** Options of each call about devices: the account that the browser's session must belong to. */
export type DeviceCallOptions = CallOptions & Pick<ExpectedAccount, 'accountId'>

/**
 * The devices of an account, as the client sees them.
 *
 * Each method rejects with `SESSION_MISSING` if there is no session, or if it belongs to another account; a change
 * rejects with `SESSION_NOT_FRESH` if the sign-in is more than ten minutes ago, `DEVICE_FORBIDDEN`, and
 * `DEVICE_UNKNOWN`.
 */
export interface AccountDevices {
  /** Returns the devices, in any order. */
  list(options: DeviceCallOptions): Promise<readonly AccountDevice[]>
  /** Renames a device. */
  rename(id: string, name: string, options: DeviceCallOptions): Promise<void>
  /**
   * Ends the sessions of a device, and revokes its key.
   *
   * @throws {LatchkeyError} `DEVICE_CURRENT`: it is the current device
   */
  revoke(id: string, options: DeviceCallOptions & RevokeDeviceOptions): Promise<DeviceRevocation>
  /** Ends every session of the account but the current one. */
  revokeOthers(options: DeviceCallOptions): Promise<DeviceRevocation>
}

/** What the app did through the account client: `ended` may also concern another session of the user. */
export type SessionChange = 'begun' | 'ended'

/** The account that a device's principal is meant for. */
export interface ExpectedAccount {
  readonly accountId: string
  /** A verified e-mail address or phone number of the account; null if the user typed none. */
  readonly identifier: string | null
}

/** What the user types while `run` is active, and typed before. */
export interface Typing {
  /**
   * The identifier that an earlier step of the same upgrade sent. A request that verifies an identifier sends it along.
   */
  readonly expected: string | null
  /** Aborted when the run is abandoned: no request carries a proof from then on. */
  readonly signal?: AbortSignal
  /** Call it before sending a request with an e-mail address or phone number. */
  onTyped(identifier: string): Promise<void>
}

/** The result of `run`. */
export interface ProvenRun<Result> {
  readonly result: Result
  /** True if `run` sent a request through the provider's client, with the proof if there was one. */
  readonly sent: boolean
  /**
   * True if `run` followed a link and the user has typed no identifier to compare with: its session waits for
   * confirmation.
   */
  readonly unasked?: boolean
  /** True if the server reported that it created a session. */
  readonly signedIn?: boolean
}
