import { isBinding } from './principal-row.ts'
import type { PrincipalStore } from './principal-store.ts'
import { holderInUse } from './reservation.ts'
import type { ProvenDevice } from './types.ts'

/** Returns true if the principal of a device belongs to an account, or belonged to one. Changes nothing. */
export async function isKnown(principals: PrincipalStore, { principal, thumbprint }: ProvenDevice): Promise<boolean> {
  const row = await principals.find(principal)
  // A principal is only a part of the thumbprint.
  if (row?.thumbprint !== thumbprint) return false
  return row.kind === 'held' || isBinding(row) || (await holderInUse(principals, row)) !== 'nobody'
}
