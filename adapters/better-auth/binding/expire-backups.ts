import type { PrincipalStore } from './principal-store.ts'
import { equal } from './where.ts'

/** The table of the backups. */
export const BACKUPS = 'latchkeyBackup'

/**
 * How long a backup is kept after its principal left its account, in milliseconds: as long as the principal is held.
 */
export const LEFT_KEPT_MS: number = 30 * 86_400_000

/**
 * Lets the backups of a principal expire, which had no end because of its account, also those whose end is from before
 * the account. One that ends later keeps its end. A sweep asks again before it deletes them: if an account has the
 * principal then, they stay.
 *
 * @param life - milliseconds
 */
export async function expireBackupsOf(
  { adapter, now }: PrincipalStore,
  principal: string,
  life: number = LEFT_KEPT_MS,
): Promise<void> {
  const until = new Date(now.getTime() + life)
  const live = equal({ principal, removedAt: null })
  for (const end of [{ value: null }, { value: until, operator: 'lt' as const }])
    await adapter.updateMany({ model: BACKUPS, where: [...live, { field: 'until', ...end }], update: { until } })
}
