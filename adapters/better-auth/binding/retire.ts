import type { DBAdapter } from 'better-auth'
import { audit } from './audit.ts'
import { removeBackupsOf } from './backups.ts'
import { revokeKeysOf } from './keys.ts'
import { changeRow, isCurrent, findRow, isBinding, newEpoch, rowsOf, tryInsertRow } from './principal-store.ts'
import { releaseStale } from './verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { confirm } from './subject.ts'
import type { Adapter } from './types.ts'

/**
 * Called before a user is deleted: its lock row names it, so that the principal is never free in between, even if the
 * server dies between the deletion and {@link retire}.
 */
export async function prepareRetirement(adapter: Adapter, user: BoundUser, now: Date): Promise<void> {
  const row = user.principal ? await findRow(adapter, user.principal) : null
  if (row?.kind === 'reserved' && isCurrent(row, user)) await confirm(adapter, user, row, now)
  // Its id has been, or could have been, its principal: it gets a row, which is retired with the others.
  if (!(await findRow(adapter, user.id)))
    await tryInsertRow(adapter, { principal: user.id, userId: user.id, kind: 'alias', epoch: newEpoch() })
  // Principals that a reset released belong to their keys, and are not retired.
  await releaseStale(adapter, user, await rowsOf(adapter, user), now)
}

/**
 * Called after a user was deleted: retires its principal and its aliases permanently, and revokes their keys.
 *
 * @returns the principals that are retired now
 */
export async function retire(adapter: DBAdapter, user: BoundUser, now: Date): Promise<readonly string[]> {
  const retired: string[] = []
  // Includes those taken since the user was read: the row names its user.
  const its = (await rowsOf(adapter, user)).filter((row) => isBinding(row) && row.userId === user.id)
  for (const row of its) {
    await adapter.transaction(async (trx) => {
      // Removed meanwhile: then it belongs to its key.
      if (!(await changeRow(trx, row, { kind: 'retired', until: null }))) return
      await audit(trx, 'retire', row, now)
      await revokeKeysOf(trx, row.principal, now)
      await removeBackupsOf(trx, row.principal, now)
      retired.push(row.principal)
    })
  }
  return retired
}
