import { audit } from './audit.ts'
import { revokeKeysOf } from './keys.ts'
import { type Adapter, changeRow, counts, findRow, rowsOf } from './lock.ts'
import type { BoundUser } from './schema.ts'
import { confirm } from './subject.ts'

/**
 * Before a user is deleted: its row in the lock names it, so that the principal cannot be free for a moment,
 * even if the server dies between the deletion and {@link retire}.
 */
export async function prepareRetirement(adapter: Adapter, user: BoundUser, now: Date): Promise<void> {
  const row = user.principal ? await findRow(adapter, user.principal) : null
  if (row?.kind === 'reserved' && counts(row, user)) await confirm(adapter, user, row, now)
}

/** After a user was deleted: its principal and its aliases are nobody's for ever, and their keys sign nothing any more. */
export async function retire(adapter: Adapter, user: BoundUser, now: Date): Promise<void> {
  for (const row of await rowsOf(adapter, user)) {
    if (row.userId !== user.id || !counts(row, user)) continue
    await audit(adapter, 'retire', row, now)
    await revokeKeysOf(adapter, row.principal, now)
    await changeRow(adapter, row, { kind: 'retired', until: null })
  }
}
