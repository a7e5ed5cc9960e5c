import type { LatchkeyError } from '../errors.ts'

/** What the account server says about the session that is in force there. */
export interface AccountSession {
  readonly accountId: string
  /** The account's canonical principal. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** A verified identifier or a passkey brings the account back without this device. */
  readonly recoverable: boolean
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
  /** The session in force at the account server. */
  getSession(): Promise<AccountSession | null>
  /** A fresh JWT of the account. */
  getToken(): Promise<string | null>
  /**
   * Calls `run` and attaches a fresh proof to each request that it makes to the account server, nowhere else
   * and at no other time.
   *
   * @param mint - signs one proof; null where the device has no identity
   */
  withProof<Result>(mint: (() => Promise<string>) | null, run: () => Result | Promise<Result>): Promise<ProvenRun<Result>>
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

/** What became of `run`. */
export interface ProvenRun<Result> {
  readonly result: Result
  /** `run` sent a request through the provider's client, with the proof if there was one. */
  readonly sent: boolean
}
