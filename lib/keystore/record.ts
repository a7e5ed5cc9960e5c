import { LatchkeyError } from '../errors.ts'
import type { HardenedKeys } from '../identity/crypto.ts'

/** Version of the record's shape. A record with a higher one is refused, never rewritten. */
export const RECORD_VERSION = 1

/** A device identity kept on this device. */
export interface DeviceEntry {
  readonly kind: 'device'
  /** How keys and principal derive from the secret, `latchkey/v1`. */
  readonly profile: string
  readonly principal: string
  /** The public key as in a JWK. */
  readonly x: string
  /** Text form of the device secret; absent once hardened. Both are there while the keys are tried. */
  readonly secret?: string
  /** Non-extractable keys that replace the secret once hardened. */
  readonly keys?: HardenedKeys
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly origin: 'created' | 'imported'
  /** A write was sent or queued under this identity: it may own data that only a server knows. */
  readonly wrote: boolean
  /** `deriveKey` was used: something may be encrypted with it. */
  readonly derived: boolean
  /** When the secret was last exported, milliseconds since 1970. */
  readonly backedUpAt: number | null
}

/** What an offline start in external mode needs to know about the account. */
export interface AccountEntry {
  readonly kind: 'account'
  readonly accountId: string
  readonly principal: string
  readonly aliases: readonly string[]
  /** The server last said that the account can be recovered without this device. */
  readonly recoverable: boolean
  /** The identifier that the user typed, until the account has proven one. */
  readonly expected?: string
  /** Claims of the last token, as `readClaims` gave them. */
  readonly claims: Readonly<Record<string, unknown>>
  /** The last token, so that all tabs share one refresh. */
  readonly token?: KeptToken
  /** When the server last confirmed the session, milliseconds since 1970. */
  readonly verifiedAt: number
  /** `id` of that session; a sign-out names it. */
  readonly sessionId?: string
}

/** A token of the account. */
export interface KeptToken {
  readonly jwt: string
  /** When it expires by this device's clock, milliseconds since 1970. */
  readonly until: number
}

/** One identity in the keyring. */
export type Entry = DeviceEntry | AccountEntry

/** An upgrade that waits: for a mail, a redirect, a code; or for a decision. */
export interface Intent {
  /** One-time id. */
  readonly id: string
  /** The principal that is to be upgraded; null where there was no identity. */
  readonly principal: string | null
  /** The e-mail address or phone number that the person typed, if any. */
  readonly expected: string | null
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Milliseconds since 1970; not while a decision is awaited. */
  readonly expiresAt: number
  /** The account is signed in, has another principal, and the device holds something. */
  readonly conflict?: {
    readonly account: WaitingAccount
    /** The device's principal belongs to another account, so that this one cannot adopt it. */
    readonly isTaken: boolean
  }
}

/** An account whose session is there, and which waits for the person's word. */
export interface WaitingAccount {
  readonly accountId: string
  /** Its canonical principal. */
  readonly principal: string
  /** The e-mail addresses and phone numbers that it has proven: show them before you ask. */
  readonly identifiers: readonly string[]
}

/** Something that the account server still has to hear. */
export interface OutboxItem {
  readonly id: string
  readonly kind: 'sign-out'
  readonly accountId: string
  /** The session that is to end; without it, the one of the account that was there at `createdAt`. */
  readonly sessionId?: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** The one record of an app on a device. */
export interface Keyring {
  readonly v: typeof RECORD_VERSION
  /** {@link entryId} of the current identity; null is anonymous by choice, after a sign-out. */
  readonly current: string | null
  readonly entries: readonly Entry[]
  readonly intent: Intent | null
  readonly outbox: readonly OutboxItem[]
}

/** The name of an entry inside its keyring. */
export function entryId(entry: Entry): string {
  return entry.kind === 'device' ? `device:${entry.principal}` : `account:${entry.accountId}`
}

/**
 * Reads a stored value. Unknown further members are kept.
 *
 * @param value - what the store holds; undefined where it holds nothing
 * @returns null where there is no record
 * @throws {LatchkeyError} `KEYSTORE_CORRUPT`, `KEYSTORE_NEWER`
 */
export function parseKeyring(value: unknown): Keyring | null {
  if (value === undefined) return null
  const ring = value as Keyring
  if (ring?.v > RECORD_VERSION) throw new LatchkeyError('KEYSTORE_NEWER')
  if (!isKeyring(ring)) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return ring
}

function isKeyring(ring: Keyring): boolean {
  const isSound =
    ring?.v === RECORD_VERSION &&
    Array.isArray(ring.entries) &&
    ring.entries.every(isEntry) &&
    Array.isArray(ring.outbox)
  return (
    isSound &&
    typeof ring.intent === 'object' &&
    (ring.current === null || ring.entries.some((entry) => entryId(entry) === ring.current))
  )
}

function isEntry(entry: Entry): boolean {
  const isOwned = isText(entry?.principal)
  if (entry?.kind === 'account') return isOwned && isText(entry.accountId) && Array.isArray(entry.aliases)
  return (
    entry?.kind === 'device' &&
    isOwned &&
    isText(entry.x) &&
    (entry.secret?.length === 43 || typeof entry.keys === 'object')
  )
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
