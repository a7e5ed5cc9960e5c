import type { HardenedKeys } from '../identity/crypto.ts'

/** Version of the record format. A record with a higher version is refused and never rewritten. */
export const RECORD_VERSION = 1

/** A device identity stored on this device. */
export interface DeviceEntry {
  readonly kind: 'device'
  /** The profile, `latchkey/v1`: how keys and principal derive from the secret. */
  readonly profile: string
  readonly principal: string
  /** The public key as in a JWK. */
  readonly x: string
  /** Text form of the device secret; absent once hardened. Present beside `keys` while the new keys are tested. */
  readonly secret?: string
  /** Non-extractable keys that replace the secret once hardened. */
  readonly keys?: HardenedKeys
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly origin: 'created' | 'imported'
  /** True if a write was sent or queued under this identity: it may own data that exists only on a server. */
  readonly wrote: boolean
  /** True if `deriveKey` was called: data may be encrypted with it. */
  readonly derived: boolean
  /** True while `migrateSessionsUntil` is ahead and the account server was not asked since the first start. */
  readonly isUnasked?: boolean
  /**
   * When a backup was last shown to work, in milliseconds since 1970: the newest `shownAt` of `backups`. Null: never.
   * In a record from before `backups` it stands alone.
   */
  readonly backedUpAt: number | null
  /**
   * When the last of these backups expires, in milliseconds since 1970: nothing but a store has it, for a limited time.
   * Absent: never.
   */
  readonly backedUpUntil?: number
  /** Absent if there is none. */
  readonly backups?: readonly Backup[]
}

/** A way to restore a device identity without this device. */
export interface Backup {
  /** `words`: the user has the secret, as words or as text. */
  readonly kind: 'words' | 'passkey'
  readonly principal: string
  /** The app's name for it; may be empty. */
  readonly label: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** When it was last shown to work, in milliseconds since 1970. Null means never: it does not count. */
  readonly shownAt: number | null
  /**
   * Where it was shown to work; null means nowhere. `another`: where the identity did not exist, that is, on another
   * device, or on this one after its data was cleared.
   */
  readonly shownOn: 'this-device' | 'another' | null
  /** Of a passkey. */
  readonly credentialId?: string
  /** True if the passkey was synced to other devices when it was last used. */
  readonly isSynced?: boolean
  /** The secret, sealed for this passkey. */
  readonly envelope?: string
  /** Present if a backup store has the envelope. */
  readonly stored?: StoredBackup
  /** True if only the store's copy was shown to work, and no file: the backup counts while the store keeps it. */
  readonly onlyStored?: true
}

/** A backup at a store, which may delete it after a time without use. Times are milliseconds since 1970, here. */
export interface StoredBackup {
  /** SHA-256 of its locator, in base64url: it finds the backup, and does not read it. */
  readonly hash: string
  /** `audience` of the store: no other one is asked. Absent in a record from before it was kept: then any store is. */
  readonly audience?: string
  /** When the store last said for how long it keeps the backup. */
  readonly checkedAt: number
  /** Null: it does not expire. */
  readonly expiresAt: number | null
}

/** A passkey that opens a sealed copy of the secret, as `latchkey/passkey` records it. */
export interface PasskeyBackup extends Required<
  Pick<Backup, 'label' | 'createdAt' | 'credentialId' | 'envelope' | 'isSynced'>
> {
  /**
   * True if the passkey has just opened a copy that is kept outside this device's storage, and is itself available
   * elsewhere. Otherwise it does not count, even if it did before.
   */
  readonly isShown: boolean
  /**
   * The backup at the store that was just written or read. `keptFor`: milliseconds until the store deletes it; null:
   * never; 0: unknown.
   */
  readonly stored?: Pick<StoredBackup, 'hash' | 'audience'> & { readonly keptFor: number | null }
}

/** The part of an account that an offline start in external mode needs. */
export interface AccountEntry {
  readonly kind: 'account'
  readonly accountId: string
  readonly principal: string
  readonly aliases: readonly string[]
  /** True if the account can be recovered without this device, according to the server's last response. */
  readonly recoverable: boolean
  /** The identifier that the user typed, until the account has verified one. */
  readonly expected?: string
  /** Claims of the last token, as returned by `readClaims`. */
  readonly claims: Readonly<Record<string, unknown>>
  /** The last token, shared by all tabs. */
  readonly token?: KeptToken
  /** Time at which the server last confirmed the session, in milliseconds since 1970. */
  readonly verifiedAt: number
  /** `id` of that session; a sign-out names it. */
  readonly sessionId?: string
  /** The app has ended that session through its account client; the account server has not confirmed it yet. */
  readonly isEnding?: true
}

/** A token of the account. */
export interface KeptToken {
  readonly jwt: string
  /** Expiry by this device's clock, in milliseconds since 1970. */
  readonly until: number
}

/** One identity in the keyring. */
export type Entry = DeviceEntry | AccountEntry

/** An upgrade that waits for an e-mail, a redirect, a code or a decision. */
export interface Intent {
  /** Random id, used once. */
  readonly id: string
  /** The principal to be upgraded; null if there was no identity. */
  readonly principal: string | null
  /** The e-mail address or phone number that the user typed, if any. */
  readonly expected: string | null
  /** Milliseconds since 1970, by this device's clock. */
  readonly startedAt: number
  /** Milliseconds since 1970, by this device's clock; absent while a decision is awaited. */
  readonly expiresAt: number
  /** The account is signed in and has another principal, and the device has data. */
  readonly conflict?: {
    readonly account: WaitingAccount
    /** True if the device's principal is bound to another account: this account cannot adopt it. */
    readonly isTaken: boolean
  }
  /** The session of the account in `conflict`. */
  readonly sessionId?: string
}

/** A signed-in account that waits for the user's confirmation. */
export interface WaitingAccount {
  readonly accountId: string
  /** Its canonical principal. */
  readonly principal: string
  /** The verified e-mail addresses and phone numbers: show them when you ask for confirmation. */
  readonly identifiers: readonly string[]
}

/** A message to the account server that is not delivered yet. */
export interface OutboxItem {
  readonly id: string
  readonly kind: 'sign-out'
  /** `*`: every session that began before `createdAt`. */
  readonly accountId: string
  /** The session that is to end; without it, every session of the account. */
  readonly sessionId?: string
  /** Milliseconds since 1970, by the device's own clock. */
  readonly createdAt: number
}

/** The single record of an app on a device. */
export interface Keyring {
  readonly v: typeof RECORD_VERSION
  /** {@link entryId} of the current identity; null after a sign-out. */
  readonly current: string | null
  readonly entries: readonly Entry[]
  readonly intent: Intent | null
  readonly outbox: readonly OutboxItem[]
}
