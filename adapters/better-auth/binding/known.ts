import { holderOf, findRow, isBinding } from './principal-store.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** Returns true if the principal of a device belongs to an account, or belonged to one. Changes nothing. */
export async function isKnown(adapter: Adapter, { principal, thumbprint }: ProvenDevice): Promise<boolean> {
  const row = await findRow(adapter, principal)
  // A principal is only a part of the thumbprint.
  if (row?.thumbprint !== thumbprint) return false
  return row.kind === 'held' || isBinding(row) || (await holderOf(adapter, row)) !== 'nobody'
}
