import type { PrincipalStore } from './principal-store.ts'
import type { Adapter } from './types.ts'

/** The table of the backups. */
export const BACKUPS = 'latchkeyBackup'

/**
 * How long a backup is kept after its principal left its account, in milliseconds: as long as the principal is held.
 */
export const LEFT_KEPT_MS: number = 30 * 86_400_000

/** Those that are neither removed nor about to expire. */
const UNLIMITED: NonNullable<Parameters<Adapter['updateMany']>[0]['where']> = [
  { field: 'until', value: null },
  { field: 'removedAt', value: null },
]

/**
 * Lets the backups of a principal expire that had no end because of its account. A sweep asks again before it deletes
 * them: if an account has the principal then, they stay.
 *
 * @param life - milliseconds
 */
export async function expireBackupsOf(
  { adapter, now }: PrincipalStore,
  principal: string,
  life: number = LEFT_KEPT_MS,
): Promise<void> {
  const where = [{ field: 'principal', value: principal }, ...UNLIMITED]
  await adapter.updateMany({ model: BACKUPS, where, update: { until: new Date(now.getTime() + life) } })
}
