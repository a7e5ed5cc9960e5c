import type { LatchkeyErrorCode } from '../errors.ts'
import { currentEntry, liveIntent } from '../keystore/keyring.ts'
import type { AccountEntry, DeviceEntry, Entry, Keyring, WaitingAccount } from '../keystore/record.ts'

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
   * `ephemeral`: memory · `evictable`: the browser may clear it · `persistent`: the browser promised not to, or it is a
   * file · `recoverable`: a backup exists, or an account brings the principal back.
   */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent' | 'recoverable'
  /**
   * Whether script in the page could copy a secret of whoever is in force, also one that the account adopted. `none`:
   * no such key is here; keys that were set aside are not counted.
   */
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

export type { WaitingAccount }

/** Two identities, both kept; the device's is in force until `resolveConflict`. */
export interface Conflict {
  /** The principal of the device's identity, which holds something. */
  readonly principal: string
  /** The account that is signed in at the account server. */
  readonly account: WaitingAccount
  /** The device's principal belongs to another account already: this one cannot adopt it. */
  readonly isTaken: boolean
}

/** What an upgrade left behind. */
export interface UpgradeState {
  /** It waits for something outside. */
  readonly pending?: PendingUpgrade
  /** A session is there: `acceptAccount()` takes it, `cancelUpgrade()` ends it. */
  readonly account?: WaitingAccount
  /** The account has another principal, and the device holds something: `resolveConflict` decides. */
  readonly conflict?: Conflict
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
export function viewOf(keyring: Keyring | null, { durability, problem }: StoreFacts): View {
  const { principal, kind, aliases = [], claims = {}, recoverable }: Partial<Merged> = currentEntry(keyring) ?? {}
  const principals = [principal!, ...aliases]
  // After an adoption the key of this device is that of an alias.
  const devices = (keyring?.entries ?? []).filter(
    (other): other is DeviceEntry => other.kind === 'device' && principals.includes(other.principal),
  )
  // An account never brings back what was encrypted with `deriveKey`; a backup does.
  const isCovered = devices.every(({ derived, backedUpAt }) => backedUpAt !== null || (recoverable && !derived))
  const authMode = kind === 'account' ? 'external' : 'local-first'
  return {
    authMode: kind ? authMode : 'anonymous',
    session: kind ? { principal: principal!, principals, authMode, claims } : null,
    storage: {
      durability:
        isCovered && (recoverable || devices.some((device) => device.principal === principal))
          ? 'recoverable'
          : durability,
      protection: devices.some(({ secret }) => secret) ? 'extractable' : devices[0] ? 'hardened' : 'none',
      ...(problem && { problem }),
    },
  }
}

/** The members that an entry of either kind may have. */
type Merged = Omit<AccountEntry, 'kind'> & Pick<Entry, 'kind'>

/** What the record says of an upgrade that waits. */
export function waitingOf(keyring: Keyring | null, now: number): UpgradeState {
  const { conflict, expected, expiresAt, principal } = liveIntent(keyring, now) ?? {}
  if (conflict) return { conflict: { principal: principal!, ...conflict } }
  return expiresAt ? { pending: { expected: expected!, expiresAt } } : {}
}
