import type { LatchkeyError } from '../errors.ts'
import type { CryptoSuite } from '../identity/crypto.ts'
import type { RecordStore } from '../keystore/store.ts'
import type { AuthErrorKind, AuthState, Conflict, PendingUpgrade, Session, WaitingAccount } from '../machine/state.ts'
import type { Decision, PrincipalChangeReason } from '../machine/events.ts'
import type { AccountProvider } from './shared/account-provider.ts'

// The public face of the client: types only.

/** The identity of an app on one device. Made by `createAuth`. */
export interface Auth {
  /**
   * Resolves once the stored identity is current, or storage is known not to work. Never rejects, never waits for the
   * network.
   */
  readonly ready: Promise<void>
  /** The present state: frozen, the same reference until a field changes. */
  getState(): AuthState
  /** The state that a server renders: always the same. */
  getServerState(): AuthState
  /**
   * Calls `listener` after each change.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: () => void): () => void
  /**
   * Anonymous to local-first: loads or creates the device identity.
   *
   * @throws {LatchkeyError} `KEYSTORE_*`, `CRYPTO_UNAVAILABLE`, `IDENTITY_UNKNOWN`, `IDENTITY_CHANGED`,
   *   `UPGRADE_IN_PROGRESS`
   */
  ensureIdentity(options?: EnsureIdentityOptions): Promise<Session>
  /**
   * The bearer for the present mode; null without a credential.
   *
   * @throws {LatchkeyError} `OFFLINE`, `SESSION_MISSING`, `PRINCIPAL_MISMATCH`, `IDENTITY_CHANGED`, `KEYSTORE_*`
   */
  getToken(options?: GetTokenOptions): Promise<string | null>
  /**
   * `fetch` with that bearer, to the page's origin and those in `audiences`. After a 401 the token is refreshed once
   * and the request sent once more.
   *
   * @throws {LatchkeyError} `ORIGIN_NOT_ALLOWED` before anything is sent, and what {@link Auth.getToken} throws
   */
  readonly fetch: typeof fetch
  /**
   * Signs up or in through `run`, one call for both: with OAuth nobody knows beforehand which it is.
   *
   * @param run - calls the account client, for instance `() => authClient.signUp.email({ … })`
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an
   *   outcome
   */
  upgrade(run: () => unknown, options?: UpgradeOptions): Promise<UpgradeResult>
  /**
   * Continues with the account in `getState().upgrade.account`, after the app showed it and the user confirmed.
   *
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an
   *   outcome
   */
  acceptAccount(): Promise<UpgradeResult>
  /**
   * Ends a pending upgrade or a conflict: the device's identity stays, and the account's session ends.
   *
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  cancelUpgrade(): Promise<void>
  /**
   * Ends a conflict: an account is signed in that has another principal, and this device holds something. `adopt`: the
   * account takes the device's principal as an alias, and has the data of both. `switch`: the account, with the
   * device's identity set aside. `discard`: the account, and the device's identity is deleted. To keep the device's
   * identity and end the account's session, call `cancelUpgrade`.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`; every other failure is an outcome, and the conflict goes on
   */
  resolveConflict(decision: Decision, options?: ResolveOptions): Promise<UpgradeResult>
  /**
   * Both sides of the conflict that waits, as `describeLocal` and `describeAccount` tell.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`, `KEYSTORE_*`
   */
  previewConflict(): Promise<ConflictPreview>
  /**
   * Removes an alias from the current account; rows that were moved stay where they are. Needs a fresh session.
   *
   * @param alias - one of `session.principals`, not the first
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `OFFLINE`, `PROVIDER_REFUSED`, `KEYSTORE_*`
   */
  unlinkAlias(alias: string): Promise<Session>
  /**
   * Ends the session here at once, offline too; the account server hears of it when it can be reached.
   *
   * @throws {LatchkeyError} `UNSYNCED_DATA`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  signOut(options?: SignOutOptions): Promise<void>
  /**
   * Returns 32 bytes that belong to the device identity and to `purpose`; the same secret gives them back anywhere.
   * An account alone never does.
   *
   * @param purpose - such as `notes`
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `KEYSTORE_*`
   */
  deriveKey(purpose: string): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Returns the text form of the device secret (base64url, 43 characters): who has it is this identity. For a backup
   * that the person keeps; call `confirmBackup` when they have shown that they can bring it back.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `SECRET_HARDENED`, `KEYSTORE_*`
   */
  exportSecret(): Promise<string>
  /**
   * Records that the secret is kept elsewhere: from now on the identity counts as recoverable.
   *
   * @param secret - as the person brought it back
   * @throws {LatchkeyError} `SECRET_INVALID`, `PRINCIPAL_MISMATCH`: it is of another identity, `KEYSTORE_*`
   */
  confirmBackup(secret: string): Promise<void>
  /**
   * Makes the identity of a secret current.
   *
   * @throws {LatchkeyError} `SECRET_INVALID`, `IDENTITY_CHANGED`: another identity is current, `UPGRADE_IN_PROGRESS`,
   *   `KEYSTORE_*`
   */
  importSecret(secret: string, options?: ImportSecretOptions): Promise<Session>
  /** The device identities that were set aside; `ensureIdentity({ resume })` takes one again. */
  listIdentities(): Promise<readonly KeptIdentity[]>
  /**
   * Asks the browser to keep what is stored until the person clears it. Some browsers ask the person: call it on a
   * click.
   *
   * @returns whether it is kept, false also where the browser says nothing within 30 s
   */
  requestPersistence(): Promise<boolean>
  /**
   * Reports that the app queued or sent a write over another transport than `fetch`: from now on this identity holds
   * something.
   */
  markWritten(): Promise<void>
  /**
   * Reports what a server said about the token over another transport than `fetch`, a socket for instance.
   *
   * @param error - why the token was refused: `error` is set and the session stays. Null: the token was accepted, and
   *   `error` is cleared
   */
  reportToken(error: AuthErrorKind | null): void
  /** Closes connections and timers. The identity stays. */
  close(): void
}

/**
 * Opens the identity of this device, and makes one at the first start.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export type CreateAuth = (options?: AuthOptions) => Auth

/** Options of `createAuth`. */
export interface AuthOptions {
  /** `aud` of tokens for the page's own origin. Defaults to `location.origin`. */
  readonly audience?: string
  /** Further origins that `fetch` may call, with the `aud` of tokens for each, or how to get them. */
  readonly audiences?: Readonly<Record<string, string | ExchangedAudience>>
  /** Separates store, locks and channel of several apps on one origin. Defaults to `latchkey`. */
  readonly name?: string
  /** `local-first` makes an identity at the first start, `anonymous` leaves it to `ensureIdentity`. */
  readonly initialMode?: 'local-first' | 'anonymous'
  /** The external provider. */
  readonly account?: AccountProvider
  /**
   * Until when, in milliseconds since 1970, a session that is there at the first start on a device becomes the current
   * one without confirmation. For an app that had accounts before it had Latchkey; by default such a session waits for
   * `acceptAccount`, since anyone could have put it there.
   */
  readonly migrateSessionsUntil?: number
  /** Where the identity is kept. Defaults to IndexedDB. */
  readonly keystore?: RecordStore
  /** Milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** The implementation of the primitives. Defaults to WebCrypto with `@noble` as the fallback. */
  readonly crypto?: CryptoSuite
  /**
   * When the secret is replaced by keys that script can use and not copy, where the browser can store such keys.
   * `after-upgrade`, the default: once an account can restore the principal, unless `deriveKey` was used without a
   * backup. `always`: from the start, and there is no backup then. `never`: the secret stays.
   */
  readonly harden?: 'after-upgrade' | 'always' | 'never'
  /** What this identity holds on this device. Without it, an identity holds something once it wrote. */
  readonly describeLocal?: (principal: string) => LocalHoldings | Promise<LocalHoldings>
  /** What an account holds, for the preview of a conflict. */
  readonly describeAccount?: (account: WaitingAccount) => LocalHoldings | Promise<LocalHoldings>
  /**
   * What to do where an account has another principal and the device holds something. `ask`, the default, leaves it to
   * the person: both are kept until `resolveConflict`. A function that fails leaves it so, too.
   */
  readonly onConflict?: ConflictPolicy | ((preview: ConflictPreview) => ConflictPolicy | Promise<ConflictPolicy>)
  /** Picks the claims that the session shows, out of an account token's payload. */
  readonly readClaims?: (payload: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
  /** Says what is not synced yet; more than 0 vetoes the sign-out. */
  readonly beforeSignOut?: () => { readonly unsynced: number } | Promise<{ readonly unsynced: number }>
  /** Called after the principal changed, for instance to re-own local rows. */
  readonly onPrincipalChange?: (change: PrincipalChange) => void
  /** Called when a server refused the credential as expired, also after a refresh. */
  readonly onTokenExpired?: () => void
}

/**
 * An audience whose servers cannot verify tokens that a device signs: the account server signs them instead (RFC 8693).
 */
export interface ExchangedAudience {
  /** `aud` of the tokens. */
  readonly audience: string
  readonly via: 'exchange'
}

/** The app's description of what an identity holds. */
export interface LocalHoldings {
  /** How many things the person would miss; 0 means nothing. */
  readonly items: number
  /** For a person, such as "3 notes". */
  readonly label?: string
}

/** What becomes of a conflict without the person; nothing that could be lost. */
export type ConflictPolicy = 'ask' | 'adopt' | 'switch'

/** A change of the current principal. */
export interface PrincipalChange {
  readonly from: string | null
  readonly to: string | null
  /** `adopt`, `switch` or `discard` after a conflict; otherwise the event that caused it. */
  readonly reason: PrincipalChangeReason
}

/** Options of `getToken`. */
export interface GetTokenOptions {
  /** `aud` of a local-first token; Defaults to the page's own audience. */
  readonly audience?: string
  /** Passes over the token at hand: a server just refused it. */
  readonly fresh?: boolean
}

/** Options of `ensureIdentity`. */
export interface EnsureIdentityOptions {
  /** The principal of an identity that was set aside on this device, to take it again instead of making one. */
  readonly resume?: string
}

/** Options of `importSecret`. */
export interface ImportSecretOptions {
  /** Sets the current device identity aside, and makes the imported one current. */
  readonly replace?: boolean
}

/** A device identity that is kept here and not current. */
export interface KeptIdentity {
  readonly principal: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly origin: 'created' | 'imported'
}

/** Options of `signOut`. */
export interface SignOutOptions {
  /** Also deletes a device identity that never had an account. What only it can reach is lost for ever. */
  readonly forget?: boolean
  /** Signs out although something is not synced yet. */
  readonly force?: boolean
}

/** Options of `upgrade`. */
export interface UpgradeOptions {
  /**
   * The e-mail address or phone number that the user typed; replaces what an earlier step of the same upgrade sent.
   * Without it the first `email` or `phoneNumber` that `run` sends counts until the upgrade ends or is cancelled.
   */
  readonly identifier?: string
}

/** What came of an upgrade. `error` says why it failed; the identity is then the one before. */
export type UpgradeResult =
  /** The account has this device's principal: the same identity, now with an account. */
  | { readonly outcome: 'upgraded'; readonly session: Session }
  /** The account has its own principal, and the device held nothing, or the person decided so. */
  | { readonly outcome: 'switched'; readonly session: Session }
  /** The account took this device's principal as an alias: it keeps its own, and the data of both are its. */
  | { readonly outcome: 'adopted'; readonly session: Session }
  /** The account has another principal, and the device holds something: both are kept until `resolveConflict`. */
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  /**
   * This device's principal belongs to another account. With `conflict` a session is there that `resolveConflict` can
   * switch to.
   */
  | { readonly outcome: 'taken'; readonly error: LatchkeyError; readonly conflict?: Conflict }
  /**
   * A mail, a redirect, a code or a second factor is still to come, which is remembered over a reload; or an account
   * waits for the person's word. The same as in `getState().upgrade`.
   */
  | { readonly outcome: 'pending'; readonly pending?: PendingUpgrade; readonly account?: WaitingAccount }
  | { readonly outcome: 'failed'; readonly error: LatchkeyError }

/** Options of `resolveConflict`. */
export interface ResolveOptions {
  /** Required to discard: what only the device's identity can reach is lost for ever. */
  readonly force?: boolean
}

/** Both sides of a conflict, for the person who decides. */
export interface ConflictPreview extends Conflict {
  /** What `describeLocal` says of the device's identity; null where it says nothing. */
  readonly deviceHoldings: LocalHoldings | null
  /** What `describeAccount` says of the account; null where it says nothing. */
  readonly accountHoldings: LocalHoldings | null
}
