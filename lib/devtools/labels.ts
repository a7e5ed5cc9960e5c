import type { AuthMode, AuthState, Storage } from '../machine/state.ts'

/** The identity in each mode. */
export const MODE_LABELS: Readonly<Record<AuthMode, string>> = {
  anonymous: 'may read, owns nothing',
  'local-first': 'signs with the device key',
  external: 'acts for an account',
}

/** Why traffic is paused. */
export const ERROR_LABELS: Readonly<Record<NonNullable<AuthState['error']>, string>> = {
  expired: 'token time rejected',
  missing: 'the account server knows no session',
  invalid: 'rejected by a server',
  disabled: 'disabled on this server',
}

/** Durability of the stored identity. */
export const DURABILITY_LABELS: Readonly<Record<Storage['durability'], string>> = {
  ephemeral: 'lost when this page closes',
  evictable: 'the browser may delete it',
  persistent: 'protected from eviction',
  recoverable: 'an account or backup restores it',
}

/** Whether scripts in the page could copy a secret of the current identity. */
export const PROTECTION_LABELS: Readonly<Record<Storage['protection'], string>> = {
  none: 'no key in use; others are kept',
  extractable: 'scripts in this page could copy it',
  keychain: 'kept from other apps by the system',
  hardened: 'usable here, cannot be copied',
}

/** Storage problems; a code that is not listed is shown as it is. */
export const PROBLEM_LABELS: Readonly<Partial<Record<string, string>>> = {
  KEYSTORE_UNAVAILABLE: 'storage failed; nothing was changed',
  KEYSTORE_TIMEOUT: 'storage did not answer in time',
  KEYSTORE_CORRUPT: 'the record is damaged; it was left in place',
  KEYSTORE_NEWER: 'a newer version wrote the record; it was left in place',
  KEYSTORE_BLOCKED: 'the browser does not let this site store data',
  KEYSTORE_FULL: 'the disk or the quota is full',
  KEYSTORE_PRIVATE: 'private windows cannot store data',
  KEYSTORE_OPAQUE: 'a frame without an origin has no storage',
  KEYSTORE_VANISHED: 'site data with the identity was cleared',
  CRYPTO_UNAVAILABLE: 'Ed25519 is unavailable, also as fallback',
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Formats milliseconds in their two largest units, such as "14 min 32 s". */
export function spanLabel(milliseconds: number): string {
  const span = Math.abs(milliseconds)
  if (span >= HOUR_MS) return `${Math.floor(span / HOUR_MS)} h ${Math.floor((span % HOUR_MS) / MINUTE_MS)} min`
  if (span >= MINUTE_MS) return `${Math.floor(span / MINUTE_MS)} min ${Math.floor((span % MINUTE_MS) / SECOND_MS)} s`
  return `${Math.floor(span / SECOND_MS)} s`
}

/** Formats a duration in milliseconds, such as "12 ms" or "1.2 s". */
export function durationLabel(milliseconds: number): string {
  if (milliseconds < SECOND_MS) return `${Math.round(milliseconds)} ms`
  return milliseconds < MINUTE_MS ? `${(milliseconds / SECOND_MS).toFixed(1)} s` : spanLabel(milliseconds)
}

/** The remaining lifetime of the cached token. */
export function tokenLabel(expiresAt: number | null, now: number): readonly [value: string, explanation: string] {
  if (expiresAt === null) return ['none', 'made with the next request']
  if (expiresAt <= now) return ['expired', `${spanLabel(now - expiresAt)} ago; the next request gets a new one`]
  return [spanLabel(expiresAt - now), 'left']
}
