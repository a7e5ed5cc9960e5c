import type { Where } from 'better-auth'

/**
 * Largest number of rows that one query reads. Every query that may find several states a limit: by default Better Auth
 * reads a hundred, or `advanced.database.defaultFindManyLimit`.
 */
export const MAX_ROWS_READ = 1000

type Columns = Readonly<Record<string, string | null | undefined>>

/** Matches rows with all of these values. A column without a value is null. */
export function equal(columns: Columns): Where[] {
  return Object.entries(columns).map(([field, value]) => ({ field, value: value ?? null }))
}
