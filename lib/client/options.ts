import type { CryptoSuite } from '../identity/crypto.ts'
import type { RecordStore } from '../keystore/store.ts'
import type { WaitingAccount } from '../machine/state.ts'
import type { AccountProvider } from './shared/account-provider.ts'
import type { PrincipalChangeReason } from '../machine/transition.ts'
import type { ConflictPreview } from './account/resolve-conflict.ts'

/** What a device identity holds, told by the app. */
export interface LocalHoldings {
  /** How many things the person would miss; 0 means nothing. */
  readonly items: number
  /** For a person, such as "3 notes". */
  readonly label?: string
}

/** What becomes of a conflict without the person; nothing that could be lost. */
export type ConflictPolicy = 'ask' | 'adopt' | 'switch'

/** A change of the principal in force. */
export interface PrincipalChange {
  readonly from: string | null
  readonly to: string | null
  /** `adopt`, `switch` or `discard` after a conflict; otherwise the event that caused it. */
  readonly reason: PrincipalChangeReason
}

/** An audience whose servers cannot verify tokens that a device signs: the account server signs them instead (RFC 8693). */
export interface ExchangedAudience {
  /** `aud` of the tokens. */
  readonly audience: string
  readonly via: 'exchange'
}

/** Options of `createAuth`. */
export interface AuthOptions {
  /** `aud` of tokens for the page's own origin. Defaults to `location.origin`. */
  readonly audience?: string
  /** Further origins that `fetch` may call, with the `aud` of tokens for each, or how to get them. */
  readonly audiences?: Readonly<Record<string, string | ExchangedAudience>>
  /** Separates store, locks and channel of several apps on one origin; `latchkey` unless told. */
  readonly name?: string
  /** `local-first` makes an identity at the first start, `anonymous` leaves it to `ensureIdentity`. */
  readonly initialMode?: 'local-first' | 'anonymous'
  /** The external provider. */
  readonly account?: AccountProvider
  /** Where the identity is kept; IndexedDB unless told. */
  readonly keystore?: RecordStore
  /** Milliseconds since 1970; the system clock unless told. */
  readonly clock?: () => number
  /** The implementation of the primitives; WebCrypto with `@noble` as the fallback unless told. */
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
  /** Called after the principal in force changed, for instance to re-own local rows. */
  readonly onPrincipalChange?: (change: PrincipalChange) => void
  /** Called when a server refused the credential as expired, also after a refresh. */
  readonly onTokenExpired?: () => void
}

/** True if tokens for this audience come from the account server's token exchange. */
export function isExchanged({ audiences = {} }: AuthOptions, audience: string): boolean {
  return Object.values(audiences).some((entry) => typeof entry === 'object' && entry.audience === audience)
}

/** Throws a `TypeError` for an invalid option. */
export function checkOptions({ name, audiences = {} }: AuthOptions): void {
  if (name === '') throw new TypeError('name: empty')
  // What is no URL at all is a TypeError of `URL` itself.
  for (const origin of Object.keys(audiences))
    if (new URL(origin).origin !== origin) throw new TypeError(`audiences: ${origin} is no origin`)
}
