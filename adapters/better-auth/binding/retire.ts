import { removeBackupsOf } from './backups.ts'
import { expireBackupsOf } from './expire-backups.ts'
import { deleteGrantsOf } from './grant-store.ts'
import type { PrincipalStore } from './principal-store.ts'
import { isBinding, isCurrent, newEpoch } from './principal-row.ts'
import { retireRow } from './retire-row.ts'
import { releaseStale } from './verified-email.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { confirm } from './subject.ts'

const DAY_MS = 86_400_000

/**
 * Called before a user is deleted: its lock row names it, so that the principal is never free in between, even if the
 * server dies between the deletion and {@link retire}.
 */
export async function prepareRetirement(principals: PrincipalStore, user: BoundUser): Promise<void> {
  const row = user.principal ? await principals.find(user.principal) : null
  if (row?.kind === 'reserved' && isCurrent(row, user)) await confirm(principals, user, row)
  // Its id has been, or could have been, its principal: it gets a row, which is retired with the others.
  if (!(await principals.find(user.id)))
    await principals.tryInsert({ principal: user.id, userId: user.id, kind: 'alias', epoch: newEpoch() })
  // Principals that a reset released belong to their keys, and are not retired.
  await releaseStale(principals, user, await principals.rowsOf(user))
  // If the server dies before it removes them, a sweep does that.
  for (const { principal } of await bindingsOf(principals, user)) await expireBackupsOf(principals, principal, DAY_MS)
}

/**
 * Called after a user was deleted: retires its principal and its aliases permanently, and revokes their keys.
 *
 * @returns the principals that are retired now
 */
export async function retire(principals: PrincipalStore, user: BoundUser): Promise<readonly string[]> {
  const retired: string[] = []
  await deleteGrantsOf(principals.adapter, user.id)
  // Includes those taken since the user was read: the row names its user.
  for (const row of await bindingsOf(principals, user)) {
    await principals.atomically(async (trx) => {
      // Removed meanwhile: then it belongs to its key.
      if (!(await retireRow(trx, row))) return
      await removeBackupsOf(trx, row.principal)
      retired.push(row.principal)
    })
  }
  return retired
}

async function bindingsOf(principals: PrincipalStore, user: BoundUser): Promise<readonly PrincipalRow[]> {
  return (await principals.rowsOf(user)).filter((row) => isBinding(row) && row.userId === user.id)
}
