import type { DBAdapter } from 'better-auth'
import { hasErrorCode, repeatOnConflict } from '../../../lib/server-kit.ts'
import type { Adapter } from './types.ts'

/** Postgres: serialization failure, deadlock. */
const REFUSED: ReadonlySet<unknown> = new Set(['40001', '40P01'])

/** Postgres: the transaction has failed already. */
const OVER: ReadonlySet<unknown> = new Set(['25P02'])

/** Also SQLite: another connection wrote since the transaction began. MySQL: deadlock. Prisma: either. */
const ENDED: ReadonlySet<unknown> = new Set([
  ...REFUSED,
  'SQLITE_BUSY_SNAPSHOT',
  517,
  'ER_LOCK_DEADLOCK',
  1213,
  'P2034',
])

/**
 * Runs one statement, and repeats it if Postgres refused it because of a concurrent one, as it does under
 * `serializable`. Inside a transaction Postgres refuses the repetition too, and the first error is thrown: others would
 * run it outside the transaction, which they have ended.
 */
export async function repeatStatement<Result>(work: () => Promise<Result>): Promise<Result> {
  let first: unknown
  try {
    return await repeatOnConflict(work, (error) => {
      if (!hasErrorCode(error, REFUSED)) return false
      first ??= error
      return true
    })
  } catch (error) {
    throw hasErrorCode(error, OVER) ? (first ?? error) : error
  }
}

/**
 * Runs work in a transaction, and repeats all of it if the database ended the transaction because of a concurrent one.
 * Inside a transaction and without transactions it runs once: its first part would stay.
 */
export function repeatTransaction<Result>(
  adapter: DBAdapter,
  work: (trx: Adapter) => Promise<Result>,
): Promise<Result> {
  const run = (): Promise<Result> => adapter.transaction(work)
  const hasTransactions = adapter.options?.adapterConfig.transaction !== false
  return hasTransactions ? repeatOnConflict(run, (error) => hasErrorCode(error, ENDED)) : run()
}
