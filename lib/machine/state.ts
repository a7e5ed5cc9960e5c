import type { LatchkeyErrorCode } from '../errors.ts'
import { currentEntry, liveIntent } from '../keystore/keyring.ts'
import type { AccountEntry, DeviceEntry, Entry, Keyring, WaitingAccount } from '../keystore/record.ts'

/** `anonymous`: no identity. `local-first`: the device key. `external`: an account. */
export type AuthMode = 'anonymous' | 'local-first' | 'external'

/** The identity that acts. */
export interface Session {
  /** The stable identifier that owns data. */
  readonly principal: string
  /** The canonical principal, then the aliases: rows of any of them belong to this user. */
  readonly principals: readonly string[]
  readonly authMode: Exclude<AuthMode, 'anonymous'>
  /** Claims of the account's last token, as returned by `readClaims`; empty in local-first mode. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why authenticated traffic is paused. */
export type AuthErrorKind = 'expired' | 'missing' | 'invalid' | 'disabled'

/** The phase of the machine. */
export type Phase = 'starting' | 'ready' | 'upgrading' | 'pending' | 'conflict' | 'signing-out'

/** How safely the identity is stored. */
export interface Storage {
  /**
   * `ephemeral`: in memory. `evictable`: the browser may delete it. `persistent`: in a file, or the browser has
   * promised to keep it. `recoverable`: a backup was shown to work, or an account restores the principal.
   */
  readonly durability: 'ephemeral' | 'evictable' | 'persistent' | 'recoverable'
  /**
   * Whether a script in the page could copy a secret of the current identity, including one that its account adopted.
   * `none`: there is no such key. `keychain`: the operating system protects it from other apps, and only the app's own
   * code could copy it. Keys of identities that were set aside do not count.
   */
  readonly protection: 'none' | 'extractable' | 'keychain' | 'hardened'
  /**
   * True if the user can still back up a secret: it exists, and was not replaced by keys. It is that of the current
   * principal, or that of an alias if data depends on its key.
   */
  readonly canBackUp: boolean
  /**
   * What the app should offer so that the identity is not lost with this device. `back-up`: a backup. `test`: a backup
   * was started, but the user has not yet shown that they have it. `sign-up`: no backup is possible, only an account
   * (for an account: a verified identifier or a passkey). `none`: nothing.
   */
  readonly advice: 'none' | 'back-up' | 'test' | 'sign-up'
  /** Error code of the storage, while there is a problem. */
  readonly problem?: LatchkeyErrorCode
}

/** An upgrade that waits for an external step: an e-mail, a redirect, a code or a second factor. */
export interface PendingUpgrade {
  /** The e-mail address or phone number that the user typed, if any. */
  readonly expected: string | null
  /** Expiry in milliseconds since 1970, by this device's clock. */
  readonly expiresAt: number
}

export type { WaitingAccount }

/** Two identities, both kept. The device's identity is current until `resolveConflict`. */
export interface Conflict {
  /** The principal of the device's identity, which has data. */
  readonly principal: string
  /** The account that is signed in on the account server. */
  readonly account: WaitingAccount
  /** True if the device's principal is bound to another account: this account cannot adopt it. */
  readonly isTaken: boolean
}

/** State of an upgrade that is not complete. */
export interface UpgradeState {
  /** It waits for an external step. */
  readonly pending?: PendingUpgrade
  /** An account is signed in: `acceptAccount()` uses it, `cancelUpgrade()` signs it out. */
  readonly account?: WaitingAccount
  /** The account has another principal, and the device has data: call `resolveConflict`. */
  readonly conflict?: Conflict
  /** Error code of the last failure, until the next attempt. */
  readonly failure?: LatchkeyErrorCode
}

/** The flat, frozen snapshot that `getState()` returns. */
export interface AuthState {
  readonly authMode: AuthMode
  readonly session: Session | null
  /** Set while the server refuses the session's credential. The session itself stays. */
  readonly error?: AuthErrorKind
  readonly phase: Phase
  readonly storage: Storage
  readonly upgrade?: UpgradeState
}

/** The part of the state that derives from the record. */
export type View = Pick<AuthState, 'authMode' | 'session' | 'storage'>

/** The state before the record is read, and always on a server. */
export const INITIAL_STATE: AuthState = {
  .../* @__PURE__ */ viewOf(null, { durability: 'ephemeral' }, 0),
  phase: 'starting',
}

/** Facts about the store. */
export interface StoreFacts {
  readonly durability: Storage['durability']
  /** Of a secret in the store. */
  readonly protection?: Storage['protection'] | undefined
  readonly problem?: LatchkeyErrorCode | undefined
}

/** Derives the stored part of the state. `now` is in milliseconds since 1970. */
export function viewOf(
  keyring: Keyring | null,
  { durability, protection = 'extractable', problem }: StoreFacts,
  now: number,
): View {
  const { principal, kind, aliases = [], claims = {}, recoverable }: Partial<Merged> = currentEntry(keyring) ?? {}
  const principals = [principal!, ...aliases]
  // After an adoption, this device's key belongs to an alias.
  const devices = (keyring?.entries ?? []).filter(
    (other): other is DeviceEntry => other.kind === 'device' && principals.includes(other.principal),
  )
  // An account never restores data encrypted with `deriveKey`; a backup does.
  // Without destructuring, as this is fewer bytes of the first load. A backup without an end never expires.
  const isOpen = (device: DeviceEntry): unknown =>
    (!device.backedUpAt || device.backedUpUntil! <= now) && (device.derived || !recoverable)
  const isSafe = !devices.some(isOpen) && (recoverable || devices.some((device) => device.principal === principal))
  // As `deviceToBackUp`. An alias's secret restores its data, but not the account.
  const exportable = devices.filter((device) => device.secret && (device.derived || device.principal === principal))
  const due = exportable.find(isOpen)
  const authMode = kind === 'account' ? 'external' : 'local-first'
  return {
    authMode: kind ? authMode : 'anonymous',
    session: kind ? { principal: principal!, principals, authMode, claims } : null,
    storage: {
      durability: isSafe ? 'recoverable' : durability,
      protection: devices.some((device) => device.secret) ? protection : devices[0] ? 'hardened' : 'none',
      canBackUp: !!exportable[0],
      advice: due
        ? due.backedUpAt || !due.backups
          ? 'back-up'
          : 'test'
        : kind && !recoverable && !isSafe
          ? 'sign-up'
          : 'none',
      ...(problem && { problem }),
    },
  }
}

/** The union of the members of both kinds of entry. */
type Merged = Omit<AccountEntry, 'kind'> & Pick<Entry, 'kind'>

/** Returns the upgrade that is stored as waiting. */
export function waitingOf(keyring: Keyring | null, now: number): UpgradeState {
  const { conflict, expected, expiresAt, principal } = liveIntent(keyring, now) ?? {}
  if (conflict) return { conflict: { principal: principal!, ...conflict } }
  return expiresAt ? { pending: { expected: expected!, expiresAt } } : {}
}
