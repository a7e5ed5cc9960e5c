import type { DBAdapter } from 'better-auth'
import { audit } from './audit.ts'
import { revokeKeysOf } from './keys.ts'
import { changeRow, isCurrent, findRow, isBinding, newEpoch, rowsOf, tryInsertRow } from './principal-store.ts'
import { releaseStale } from './verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { confirm } from './subject.ts'
import type { Adapter } from './types.ts'

/**
 * Before a user is deleted: its row in the lock names it, so that the principal cannot be free for a moment,
 * even if the server dies between the deletion and {@link retire}.
 */
export async function prepareRetirement(adapter: Adapter, user: BoundUser, now: Date): Promise<void> {
  const row = user.principal ? await findRow(adapter, user.principal) : null
  if (row?.kind === 'reserved' && isCurrent(row, user)) await confirm(adapter, user, row, now)
  // Its id has been, or could have been, its principal: it gets a row, which is retired with the others.
  if (!(await findRow(adapter, user.id)))
    await tryInsertRow(adapter, { principal: user.id, userId: user.id, kind: 'alias', epoch: newEpoch() })
  // What a reset gave back to its keys goes to them, not with the account.
  await releaseStale(adapter, user, await rowsOf(adapter, user), now)
}

/**
 * After a user was deleted: its principal and its aliases are nobody's for ever, and their keys sign nothing any more.
 */
export async function retire(adapter: DBAdapter, user: BoundUser, now: Date): Promise<void> {
  // Also what it took since it was read: the row says whose it is.
  const its = (await rowsOf(adapter, user)).filter((row) => isBinding(row) && row.userId === user.id)
  for (const row of its) {
    await adapter.transaction(async (trx) => {
      // Given up meanwhile: then it is its key's.
      if (!(await changeRow(trx, row, { kind: 'retired', until: null }))) return
      await audit(trx, 'retire', row, now)
      await revokeKeysOf(trx, row.principal, now)
    })
  }
}
