import { isRevokedKey, listKeys } from './keys.ts'
import type { PrincipalStore } from './principal-store.ts'
import { holderOf } from './reservation.ts'
import { isRecoverable, isResetDue } from './verified-email.ts'
import type { PrincipalRow } from '../schema.ts'

/** Status of a device key for servers that look it up. */
export type KeyStatus = 'active' | 'disabled'

/**
 * Returns whether a device key may still sign in. It may until its account can be recovered without it, so that a
 * forgotten password loses nothing.
 *
 * @param thumbprint - RFC 7638 thumbprint of the key, complete: a principal is only a part of it
 */
export async function statusOf(principals: PrincipalStore, principal: string, thumbprint: string): Promise<KeyStatus> {
  const row = await principals.find(principal)
  if ((row && row.thumbprint !== thumbprint) || (await isRevokedKey(principals, thumbprint))) return 'disabled'
  return statusOfRow(principals, row)
}

/**
 * Returns the status for a token that the exchange issued for a device: it names the principal and no key. The exchange
 * compared the key with the principal.
 */
export async function statusOfPrincipal(principals: PrincipalStore, principal: string): Promise<KeyStatus> {
  const row = await principals.find(principal)
  if ((await listKeys(principals, [principal])).some(({ retiredAt }) => retiredAt !== null)) return 'disabled'
  return statusOfRow(principals, row)
}

async function statusOfRow(principals: PrincipalStore, row: PrincipalRow | null): Promise<KeyStatus> {
  if (!row) return 'active'
  const holder = await holderOf(principals, row)
  if (holder === 'nobody') return 'active'
  if (holder === 'retired' || holder === 'external') return 'disabled'
  if (isBanned(holder)) return 'disabled'
  // A binding that is about to be reset leaves the principal to its key.
  return isResetDue(holder) || !isRecoverable(holder) ? 'active' : 'disabled'
}

/** Banned by Better Auth's admin plugin, which uses the system clock. A ban without an end has no `banExpires`. */
export function isBanned(user: object): boolean {
  const { banned, banExpires } = user as { readonly banned?: boolean | null; readonly banExpires?: Date | null }
  return banned === true && (banExpires == null || new Date(banExpires).getTime() > Date.now())
}
