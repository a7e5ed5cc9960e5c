import { audit } from './audit.ts'
import { isRevokedKey, revokeKeysOf } from './keys.ts'
import { changeRow } from './principal-store.ts'
import type { PrincipalRow } from '../schema.ts'
import type { Adapter } from './types.ts'

/**
 * Retires a principal permanently, and revokes its keys.
 *
 * @returns false if the row has changed since it was read
 */
export async function retireRow(adapter: Adapter, row: PrincipalRow, now: Date): Promise<boolean> {
  if (!(await changeRow(adapter, row, { kind: 'retired', until: null }))) return false
  await audit(adapter, 'retire', row, now)
  await revokeKeysOf(adapter, row.principal, now)
  return true
}

/** Returns true if the account revoked the key of a principal: nobody is to have the principal after the account. */
export async function hasRevokedKey(adapter: Adapter, { thumbprint }: PrincipalRow): Promise<boolean> {
  return thumbprint !== null && isRevokedKey(adapter, thumbprint)
}
