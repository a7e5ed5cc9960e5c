import { audit } from './audit.ts'
import { isRevokedKey, revokeKeysOf } from './keys.ts'
import type { PrincipalStore } from './principal-store.ts'
import type { PrincipalRow } from '../schema.ts'

/**
 * Retires a principal permanently, and revokes its keys.
 *
 * @returns false if the row has changed since it was read
 */
export async function retireRow(principals: PrincipalStore, row: PrincipalRow): Promise<boolean> {
  if (!(await principals.change(row, { kind: 'retired', until: null }))) return false
  await audit(principals, 'retire', row)
  await revokeKeysOf(principals, row.principal)
  return true
}

/** Returns true if the account revoked the key of a principal: no other account may have the principal then. */
export async function hasRevokedKey(principals: PrincipalStore, { thumbprint }: PrincipalRow): Promise<boolean> {
  return thumbprint !== null && isRevokedKey(principals, thumbprint)
}
