import type { LatchkeyErrorCode } from '../errors.ts'
import { type AccountEntry, type DeviceEntry, type Keyring, currentEntry, liveIntent } from '../keystore/record.ts'

/** `anonymous` owns nothing, `local-first` is the device key, `external` an account. */
export type AuthMode = 'anonymous' | 'local-first' | 'external'

/** Who is acting. */
export interface Session {
  /** The stable identifier that owns data. */
  readonly principal: string
  /** The canonical principal first, then the aliases: rows of any of them are this person's. */
  readonly principals: readonly string[]
  readonly authMode: Exclude<AuthMode, 'anonymous'>
  /** Claims of the account's last token, as `readClaims` gave them; empty in local-first mode. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why authenticated traffic is paused. */
export type AuthErrorKind = 'expired' | 'missing' | 'invalid' | 'disabled'

/** Where the machine stands. */
export type Phase = 'starting' | 'ready' | 'upgrading' | 'pending' | 'conflict' | 'signing-out'

/** How well the identity is kept. */
export interface Storage {
  /**
   * `ephemeral`: memory · `evictable`: the browser may clear it · `persistent`: the browser promised not to, or it is a file ·
   * `recoverable`: a backup exists, or an account brings the principal back.
   */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent' | 'recoverable'
  /** Whether script in the page could copy the secret. */
  readonly protection: 'none' | 'extractable' | 'hardened'
  /** Code of what is wrong with the storage, while something is. */
  readonly problem?: LatchkeyErrorCode
}

/** An upgrade that waits for something outside: a mail, a redirect, a code, a second factor. */
export interface PendingUpgrade {
  /** The e-mail address or phone number that the person typed, if any. */
  readonly expected: string | null
  /** When it ends by itself, milliseconds since 1970. */
  readonly expiresAt: number
}

/** An account whose session is there, and which waits for the person's word. */
export interface WaitingAccount {
  readonly accountId: string
  /** Its canonical principal. */
  readonly principal: string
  /** The e-mail addresses and phone numbers that it has proven: show them before you ask. */
  readonly identifiers: readonly string[]
}

/** What an upgrade left behind. */
export interface UpgradeState {
  /** It waits for something outside. */
  readonly pending?: PendingUpgrade
  /** A session is there: `upgrade()` without `run` takes it, `cancelUpgrade()` ends it. */
  readonly account?: WaitingAccount
  /** Code of the last failure, until the next attempt. */
  readonly failure?: LatchkeyErrorCode
}

/** The flat, frozen snapshot that `getState()` returns. */
export interface AuthState {
  readonly authMode: AuthMode
  readonly session: Session | null
  /** Set while the server refuses the session; the session itself stays. */
  readonly error?: AuthErrorKind
  readonly phase: Phase
  readonly storage: Storage
  readonly upgrade?: UpgradeState
}

/** The part of the state that follows from what is stored. */
export type View = Pick<AuthState, 'authMode' | 'session' | 'storage'>

/** The state before the store was read, and for ever on a server. */
export const INITIAL_STATE: AuthState = {
  authMode: 'anonymous',
  session: null,
  phase: 'starting',
  storage: { durability: 'ephemeral', protection: 'none' },
}

/** What is known about the store itself. */
export interface StoreFacts {
  readonly durability: Storage['durability']
  readonly problem: LatchkeyErrorCode | undefined
}

/** Derives the stored part of the state. */
export function viewOf(ring: Keyring, { durability, problem }: StoreFacts): View {
  const entry = currentEntry(ring)
  const device = ring.entries.find((other): other is DeviceEntry => other.kind === 'device' && other.principal === entry?.principal)
  const account = entry?.kind === 'account' ? entry : undefined
  const storage: Storage = {
    durability: isRecoverable(account, device) ? 'recoverable' : durability,
    protection: !device ? 'none' : device.secret ? 'extractable' : 'hardened',
    ...(problem && { problem }),
  }
  if (!entry) return { authMode: 'anonymous', session: null, storage }
  const { principal } = entry
  const { aliases = [], claims = {} } = account ?? {}
  const authMode = account ? 'external' : 'local-first'
  return { authMode, session: { principal, principals: [principal, ...aliases], authMode, claims }, storage }
}

/** An account never brings back what was encrypted with `deriveKey`; a backup does. */
function isRecoverable(account: AccountEntry | undefined, device: DeviceEntry | undefined): boolean {
  if (device && device.backedUpAt !== null) return true
  return account?.recoverable === true && !device?.derived
}

/** The upgrade that waits. */
export function pendingOf(ring: Keyring, now: number): PendingUpgrade | undefined {
  const intent = liveIntent(ring, now)
  return intent ? { expected: intent.expected, expiresAt: intent.expiresAt } : undefined
}
