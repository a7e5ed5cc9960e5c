import type { LatchkeyError } from '../errors.ts'
import type { CryptoSuite } from '../identity/crypto.ts'
import type { Backup, PasskeyBackup } from '../keystore/record.ts'
import type { RecordStore } from '../keystore/store.ts'
import type { AuthErrorKind, AuthState, Conflict, PendingUpgrade, Session, WaitingAccount } from '../machine/state.ts'
import type { Decision, PrincipalChangeReason } from '../machine/events.ts'
import type {
  AccountDevice,
  AccountProvider,
  DeviceRevocation,
  RevokeDeviceOptions,
} from './shared/account-provider.ts'
import type { RenewableBackups } from './shared/renewable-backups.ts'

// The public face of the client: types only.

/** The identity of an app on one device. Made by `createAuth`. */
export interface Auth {
  /**
   * Resolves once the stored identity is current, or storage is known to be unavailable. Never rejects and never waits
   * for the network.
   */
  readonly ready: Promise<void>
  /** The current state: frozen, the same reference until a field changes. */
  getState(): AuthState
  /** The state for server rendering: always the same. */
  getServerState(): AuthState
  /**
   * Calls `listener` with the state after each change. A listener that is passed twice is called twice.
   *
   * @returns a function that ends this subscription
   */
  subscribe(listener: (state: AuthState) => void): () => void
  /**
   * Anonymous to local-first: loads or creates the device identity.
   *
   * @throws {LatchkeyError} `KEYSTORE_*`, `CRYPTO_UNAVAILABLE`, `IDENTITY_UNKNOWN`, `IDENTITY_CHANGED`,
   *   `UPGRADE_IN_PROGRESS`
   */
  ensureIdentity(options?: EnsureIdentityOptions): Promise<Session>
  /**
   * Returns the bearer token for the current mode, or null without a credential.
   *
   * @throws {LatchkeyError} `OFFLINE`, `SESSION_MISSING`, `PRINCIPAL_MISMATCH`, `IDENTITY_CHANGED`, `KEYSTORE_*`
   */
  getToken(options?: GetTokenOptions): Promise<string | null>
  /**
   * Calls `fetch` with that token, for the page's origin and those in `audiences`. After a 401 response it refreshes
   * the token and sends the request once more. It follows redirects of the page's origin only within that origin, and
   * follows none of other origins if `tokenHeader` is set; the request's option `redirect` takes precedence.
   *
   * @throws {LatchkeyError} `ORIGIN_NOT_ALLOWED` before anything is sent; the errors of {@link Auth.getToken}
   */
  readonly fetch: typeof fetch
  /**
   * Signs up or in by calling `run`. One method does both, since with OAuth it is not known in advance which one it is.
   *
   * @param run - calls the account client, for example `() => authClient.signUp.email({ … })`
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an
   *   outcome
   */
  upgrade(run: (options: RunOptions) => unknown, options?: UpgradeOptions): Promise<UpgradeResult>
  /**
   * Continues with the account in `getState().upgrade.account`, after the app has shown it and the user has confirmed
   * it.
   *
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an
   *   outcome
   */
  acceptAccount(): Promise<UpgradeResult>
  /**
   * Cancels a running or pending upgrade or a conflict: the device's identity stays, and the session of an account that
   * waits or conflicts ends. A running upgrade ends with the code `UPGRADE_CANCELLED`; what `run` does afterwards has
   * no effect on the device, and a session that it still creates waits for confirmation.
   *
   * @throws {LatchkeyError} `IDENTITY_CHANGED`, `CONFLICT_MISSING`: another tab decided first, and nothing is
   *   cancelled; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  cancelUpgrade(): Promise<void>
  /**
   * Resolves a conflict: the signed-in account has another principal, and this device has data. `adopt`: the account
   * takes the device's principal as an alias and owns the data of both. `switch`: the account becomes current, and the
   * device's identity is set aside. `discard`: the account becomes current, and the device's identity is deleted. To
   * keep the device's identity and end the account's session, call `cancelUpgrade`. The decision counts only for the
   * conflict that `getState()` showed: otherwise the outcome is `failed` with `IDENTITY_CHANGED`.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`; every other failure is an outcome, and the conflict continues
   */
  resolveConflict(decision: Decision, options?: ResolveOptions): Promise<UpgradeResult>
  /**
   * Returns both sides of the current conflict, as described by `describeLocal` and `describeAccount`.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`, `KEYSTORE_*`
   */
  previewConflict(): Promise<ConflictPreview>
  /**
   * Removes an alias from the current account. Rows whose owner was already changed stay as they are. Needs a fresh
   * session.
   *
   * @param alias - one of `session.principals`, not the first
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `OFFLINE`, `PROVIDER_REFUSED`, `KEYSTORE_*`
   */
  unlinkAlias(alias: string): Promise<Session>
  /**
   * Returns the devices of the current account: its sessions, grouped by installation.
   *
   * @throws {LatchkeyError} `DEVICES_UNSUPPORTED`: the account provider does not list devices; `SESSION_MISSING`,
   *   `OFFLINE`, `PROVIDER_*`
   */
  devices(): Promise<readonly AccountDevice[]>
  /**
   * Renames a device. Needs a sign-in within the last ten minutes.
   *
   * @param name - 1 to 40 visible characters
   * @throws {LatchkeyError} `DEVICE_UNKNOWN`, `SESSION_NOT_FRESH`, and the errors of `devices`
   */
  renameDevice(id: string, name: string): Promise<void>
  /**
   * Revokes another device: ends its sessions, and revokes its key if the account can be recovered without it. Servers
   * refuse its tokens within seconds, or once they expire. Needs a sign-in within the last ten minutes.
   *
   * @throws {LatchkeyError} `DEVICE_UNKNOWN`, `DEVICE_CURRENT`, `SESSION_NOT_FRESH`, and the errors of `devices`
   */
  revokeDevice(id: string, options?: RevokeDeviceOptions): Promise<DeviceRevocation>
  /**
   * Revokes all other devices. Needs a sign-in within the last ten minutes.
   *
   * @throws {LatchkeyError} `SESSION_NOT_FRESH`, and the errors of `devices`
   */
  revokeOtherDevices(): Promise<DeviceRevocation>
  /**
   * Ends the session on this device immediately, also offline. The account server is informed as soon as it is
   * reachable.
   *
   * @throws {LatchkeyError} `UNSYNCED_DATA`; `IDENTITY_CHANGED`: another tab made another identity current, and nothing
   *   is changed; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  signOut(options?: SignOutOptions): Promise<void>
  /**
   * Returns the 32-byte key of the device identity for `purpose`. It is the same on every device that imports the
   * secret. An account alone cannot restore it: see {@link Auth.unlockData}.
   *
   * @param purpose - for example `notes`; at most 1,024 bytes
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`: this device does not have the secret; `IDENTITY_CHANGED`, `KEYSTORE_*`
   */
  deriveKey(purpose: string, options?: DeriveKeyOptions): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Returns the device secret as text (base64url, 43 characters), for a backup that the user keeps. Anyone who has it
   * can act as this identity. Call `confirmBackup` once the user has entered it again.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`: this device does not have the secret; `SECRET_HARDENED`, `KEYSTORE_*`
   */
  exportSecret(options?: ExportSecretOptions): Promise<string>
  /**
   * Records that the user has a backup of the secret, which is of one of `session.principals`: from now on the identity
   * counts as recoverable, unless another secret needs a backup too.
   *
   * @param secret - as the user entered it
   * @throws {LatchkeyError} `SECRET_INVALID`; `PRINCIPAL_MISMATCH`: the secret of another identity; `KEYSTORE_*`
   */
  confirmBackup(secret: string, options?: ConfirmBackupOptions): Promise<void>
  /**
   * Makes the identity of a secret current.
   *
   * @throws {LatchkeyError} `SECRET_INVALID`, `IDENTITY_CHANGED`: another identity is current, `UPGRADE_IN_PROGRESS`,
   *   `KEYSTORE_*`
   */
  importSecret(secret: string, options?: ImportSecretOptions): Promise<Session>
  /**
   * Adds the secret of a principal in `session.principals`, so that `deriveKey` works for it on this device. The
   * current identity stays.
   *
   * @throws {LatchkeyError} `SECRET_INVALID`; `PRINCIPAL_MISMATCH`: the secret of another identity; `KEYSTORE_*`
   */
  unlockData(secret: string, options?: UnlockDataOptions): Promise<void>
  /** Returns the device identities that were set aside. `ensureIdentity({ resume })` makes one current again. */
  listIdentities(options?: ListIdentitiesOptions): Promise<readonly KeptIdentity[]>
  /**
   * Signs a proof that approves another device for the current account. For `latchkey/pairing`, which asks the user
   * first.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`: no account is current; `SESSION_MISSING`, `OFFLINE`, `KEYSTORE_*`
   */
  provePairing(options: ProvePairingOptions): Promise<string>
  /**
   * Asks the browser to keep the stored data until the user clears it. Some browsers ask the user: call it on a click.
   *
   * @returns true if the data is kept; false also if the browser does not answer within 30 s
   */
  requestPersistence(): Promise<boolean>
  /**
   * Records that the app queued or sent a write over a transport other than `fetch`: from now on this identity has
   * data.
   */
  markWritten(): Promise<void>
  /**
   * Reports a server's response about the token over a transport other than `fetch`, for example a socket. It takes
   * effect at once, or, right after the start, when the rest of the client has loaded.
   *
   * @param error - why the token was refused: `error` is set and the session stays. An unknown reason counts as
   *   `invalid`. Null: the token was accepted, and `error` is cleared
   */
  reportToken(error: AuthErrorKind | null): void
  /** Closes connections and timers. The identity stays. */
  close(): void
}

/**
 * Opens this device's identity, and creates one at the first start.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export type CreateAuth = (options?: AuthOptions) => Auth

/** Options of `createAuth`. */
export interface AuthOptions {
  /**
   * `aud` of tokens for the page's own origin. Defaults to `location.origin`, except where many apps have the same
   * origin: local files, custom schemes, and `localhost` without a port. `getToken` then rejects with a `TypeError`.
   */
  readonly audience?: string
  /** Further origins that `fetch` may call, each with the `aud` of its tokens and how to fetch them. */
  readonly audiences?: Readonly<Record<string, string | ExchangedAudience>>
  /**
   * The header in which `fetch` sends the token, if a gateway occupies `Authorization`. Set `tokenHeader` of the
   * servers to the same value. Defaults to `Authorization`.
   */
  readonly tokenHeader?: string
  /** Separates the store, locks and channel of several apps on one origin. Defaults to `latchkey`. */
  readonly name?: string
  /**
   * `local-first`, the default, creates an identity at the first start; `anonymous` leaves that to `ensureIdentity`.
   */
  readonly initialMode?: 'local-first' | 'anonymous'
  /** The account provider. */
  readonly account?: AccountProvider
  /**
   * A backup store that deletes backups after a time without use. While the identity is used here, its backups are kept
   * from expiring, without a dialog. Defaults to that of the account provider.
   */
  readonly backups?: RenewableBackups
  /**
   * Until when, in milliseconds since 1970, a session that exists at the first start on a device becomes current
   * without confirmation. For apps that had accounts before Latchkey; by default such a session waits for
   * `acceptAccount`, since an attacker could have planted it.
   */
  readonly migrateSessionsUntil?: number
  /** Where the identity is kept. Defaults to IndexedDB. */
  readonly keystore?: RecordStore
  /** Returns milliseconds since 1970. Defaults to the system clock, also if it throws or returns no finite number. */
  readonly clock?: () => number
  /** The implementation of the cryptographic primitives. Defaults to WebCrypto with `@noble` as fallback. */
  readonly crypto?: CryptoSuite
  /**
   * When the secret is replaced by keys that scripts can use but not copy, if the browser can store such keys.
   * `after-upgrade`, the default: once an account can restore the principal, unless `deriveKey` was used without a
   * backup. `always`: from the start, so that no backup is possible. `never`: the secret stays.
   */
  readonly harden?: 'after-upgrade' | 'always' | 'never'
  /**
   * Returns the data that an identity has on this device. Without it, an identity counts as having data after its first
   * write.
   */
  readonly describeLocal?: (principal: string) => LocalData | Promise<LocalData>
  /** Returns the data that an account has, for the preview of a conflict. */
  readonly describeAccount?: (account: WaitingAccount) => LocalData | Promise<LocalData>
  /**
   * How to handle a conflict: the account has another principal, and the device has data. `ask`, the default, leaves it
   * to the user: both are kept until `resolveConflict`. The same applies if a function fails. A function's answer
   * counts only while the conflict that it was asked about is still current.
   */
  readonly onConflict?: ConflictPolicy | ((preview: ConflictPreview) => ConflictPolicy | Promise<ConflictPolicy>)
  /** Returns the claims that the session shows, from the payload of an account token; none if it fails. */
  readonly readClaims?: (payload: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
  /**
   * Returns the number of unsynced items. More than 0 vetoes the sign-out, as does an error, an answer without such a
   * number, or no answer within 30 seconds.
   */
  readonly beforeSignOut?: () => { readonly unsynced: number } | Promise<{ readonly unsynced: number }>
  /** Called after the principal changed, for example to change the owner of local rows. */
  readonly onPrincipalChange?: (change: PrincipalChange) => void
  /** Called when a server refused the credential as expired, even after a refresh. */
  readonly onTokenExpired?: () => void
}

/**
 * An audience whose servers cannot verify tokens that a device signs: the account server issues its tokens (RFC 8693).
 */
export interface ExchangedAudience {
  /** `aud` of the tokens. */
  readonly audience: string
  readonly via: 'exchange'
}

/** The app's description of an identity's data. */
export interface LocalData {
  /** Number of items that the user would miss; 0 for none. */
  readonly items: number
  /** Text for the user, such as "3 notes". */
  readonly label?: string
}

/** How a conflict is resolved without asking the user; only decisions that lose no data. */
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
  /** `aud` of a local-first token. Defaults to the page's own audience. */
  readonly audience?: string
  /** Bypasses the cached token, after a server has refused it. */
  readonly fresh?: boolean
}

/** Options of `ensureIdentity`. */
export interface EnsureIdentityOptions {
  /** The principal of an identity that was set aside on this device: it becomes current instead of a new one. */
  readonly resume?: string
}

/** Options of `exportSecret`. */
export interface ExportSecretOptions {
  /**
   * The app's name for the backup that the user makes of this text; may be empty. With it, the record says that a
   * backup was begun, and `storage.advice` is `test` until `confirmBackup`.
   */
  readonly label?: string
  /**
   * One of `session.principals`: data may depend on the key of an alias. Defaults to the one for which `storage.advice`
   * asks for a backup, otherwise to `session.principal`.
   */
  readonly principal?: string
}

/** Options of `importSecret`. */
export interface ImportSecretOptions {
  /**
   * True sets the current device identity aside and makes the imported one current. A principal sets only that identity
   * aside: the one that the user was shown. By default the import is refused if another identity is current.
   */
  readonly replace?: boolean | string
  /**
   * Deletes the identity that `replace` would set aside, if it has no data and no backup. An app without
   * `describeLocal` has not said that there is none. Defaults to false.
   */
  readonly forgetEmpty?: boolean
  /**
   * The app's name for the backup from which the secret comes; may be empty. The import does not count as a backup:
   * `storage.advice` is `test` until `confirmBackup`.
   */
  readonly label?: string
  /** The passkey that opened the secret. It is recorded in the same transaction; `label` is then not needed. */
  readonly passkey?: PasskeyBackup
}

/** Options of `provePairing`. */
export interface ProvePairingOptions {
  /** Thumbprint of the other device's key. */
  readonly thumbprint: string
  /** Of the account server, if it requires one in every proof. */
  readonly nonce?: string
}

/** Options of `confirmBackup`. */
export interface ConfirmBackupOptions {
  /** The passkey that sealed or opened the secret. Without it, the user entered the secret. */
  readonly passkey?: PasskeyBackup
  /** Id of a passkey whose backup was removed: it is no longer recorded for the secret's identity. */
  readonly removed?: string
}

/** Options of `deriveKey`. */
export interface DeriveKeyOptions {
  /** One of `session.principals`: data may be encrypted for an alias. Defaults to `session.principal`. */
  readonly principal?: string
}

/** Options of `unlockData`. */
export interface UnlockDataOptions {
  /** The passkey that opened the secret. It is recorded in the same transaction. */
  readonly passkey?: PasskeyBackup
}

/** Options of `listIdentities`. */
export interface ListIdentitiesOptions {
  /** Also returns the current device identity. */
  readonly withCurrent?: boolean
}

/** A device identity that is stored on this device. */
export interface KeptIdentity {
  readonly principal: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly origin: 'created' | 'imported'
  /** The backups that this device knows of. */
  readonly backups: readonly Backup[]
}

/** Options of `signOut`. */
export interface SignOutOptions {
  /**
   * Also deletes the keys of this identity from the device: the key of a device identity that never had an account, and
   * every key of an account, even one that cannot be recovered without it. Everything that only these keys can access
   * is lost permanently, including the account itself.
   */
  readonly forget?: boolean
  /** Signs out despite unsynced data. */
  readonly force?: boolean
}

/** Options of `upgrade`. */
export interface UpgradeOptions {
  /**
   * The e-mail address or phone number that the user typed; replaces the one from an earlier step of the same upgrade.
   * Without it, the first `email` or `phoneNumber` that `run` sends counts until the upgrade ends or is cancelled.
   */
  readonly identifier?: string
  /** Cancels the upgrade, as `cancelUpgrade` does: it ends with the code `UPGRADE_CANCELLED`. */
  readonly signal?: AbortSignal
}

/** What `run` gets. */
export interface RunOptions {
  /**
   * Aborted when the upgrade is cancelled: by `cancelUpgrade`, by the signal in its options, or ten minutes after its
   * start. Pass it to your requests, and close a popup when it fires.
   */
  readonly signal: AbortSignal
}

/** The result of an upgrade. `error` says why it failed; the previous identity then stays. */
export type UpgradeResult =
  /** The account has this device's principal: the same identity, now with an account. */
  | ({ readonly outcome: 'upgraded' } & Upgraded)
  /** The account has its own principal, and the device had no data or the user chose this. */
  | ({ readonly outcome: 'switched' } & Upgraded)
  /** The account took this device's principal as an alias: it keeps its own, and owns the data of both. */
  | ({ readonly outcome: 'adopted' } & Upgraded)
  /** The account has another principal, and the device has data: both are kept until `resolveConflict`. */
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  /**
   * This device's principal is bound to another account. With `conflict`, an account is signed in that
   * `resolveConflict` can switch to.
   */
  | { readonly outcome: 'taken'; readonly error: LatchkeyError; readonly conflict?: Conflict }
  /**
   * An e-mail, a redirect, a code or a second factor is outstanding (stored, so it survives a reload), or an account
   * waits for the user's confirmation. The same as in `getState().upgrade`.
   */
  | { readonly outcome: 'pending'; readonly pending?: PendingUpgrade; readonly account?: WaitingAccount }
  | { readonly outcome: 'failed'; readonly error: LatchkeyError }

/** An account is the identity. */
export interface Upgraded {
  readonly session: Session
  /**
   * `data-only`: this device knows of backups of a secret of this identity. The account restores the identity now, and
   * these backups restore only the keys of `deriveKey`, with `unlockData`.
   */
  readonly backups?: 'data-only'
}

/** Options of `resolveConflict`. */
export interface ResolveOptions {
  /** Required for `discard`: data that only the device's identity can access is lost permanently. */
  readonly force?: boolean
}

/** Both sides of a conflict, for the user's decision. */
export interface ConflictPreview extends Conflict {
  /**
   * False if `resolveConflict('adopt')` cannot succeed: the principal is taken, the account provider or the account
   * cannot adopt, or the account has the maximum of aliases. True if the account server cannot be asked.
   */
  readonly canAdopt: boolean
  /** The result of `describeLocal` for the device's identity; null if it is missing. */
  readonly deviceData: LocalData | null
  /** The result of `describeAccount` for the account; null if it is missing. */
  readonly accountData: LocalData | null
}
