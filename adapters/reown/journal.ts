import { LatchkeyError, isLatchkeyError } from '../../lib/server.ts'
import { hasErrorCode, isUniqueViolation } from '../../lib/server-kit.ts'
import { type ReownDatabase, count, run } from './database.ts'
import { conflictError } from './collisions.ts'
import { dialectOf } from './dialects.ts'
import { type Sql, sql } from './sql.ts'

/** What the journal says of one table in one move. */
export interface Entry {
  readonly id: string
  readonly schema: string | null
  readonly table: string
  readonly label: string
  /** The names of the moved columns: a row of the journal has an index of this list. */
  readonly owners: readonly string[]
  readonly key: readonly string[]
  readonly compared: readonly string[]
}

/** The tables and columns of the journal, in the quotes of the database. */
export function journalNames(
  db: ReownDatabase,
): Record<'entries' | 'rows' | 'rowKey' | 'ownerColumn' | 'fingerprint' | 'isUntouched' | 'movedAt' | 'plan', Sql> {
  const { quote } = dialectOf(db)
  return {
    entries: quote('latchkeyReown'),
    rows: quote('latchkeyReownRow'),
    rowKey: quote('rowKey'),
    ownerColumn: quote('ownerColumn'),
    fingerprint: quote('fingerprint'),
    isUntouched: quote('isUntouched'),
    movedAt: quote('movedAt'),
    plan: quote('plan'),
  }
}

/** The rows of the application's table that the journal has under an entry; `condition` restricts them. */
export async function countRows(db: ReownDatabase, { id }: Pick<Entry, 'id'>, condition?: Sql): Promise<number> {
  const { rows, rowKey } = journalNames(db)
  const more = condition ? sql` and ${condition}` : sql``
  return count(db, sql`select count(distinct ${rowKey}) as n from ${rows} where move = ${id}${more}`)
}

const NO_TRANSACTION: ReadonlySet<unknown> = new Set(['25P01', 1305])
const EXCLUSION_VIOLATION: ReadonlySet<unknown> = new Set(['23P01'])
const NO_TABLE: ReadonlySet<unknown> = new Set(['42P01', 1146])

/** The last work of each connection, which never rejects. */
const lastWork = new WeakMap<ReownDatabase, Promise<unknown>>()

/**
 * Runs work so that a failure undoes all of it, and leaves the transaction around it usable. Works on one connection
 * run one after another: between two savepoints on it, a failure of one would undo the other.
 *
 * @throws {TypeError} there is no transaction
 * @throws {LatchkeyError} `DATABASE_NOT_MIGRATED`; `REOWN_CONFLICT` if the database refused a row as not unique
 */
export async function atomically<Result>(db: ReownDatabase, work: () => Promise<Result>): Promise<Result> {
  const result = (lastWork.get(db) ?? Promise.resolve()).then(() => inSavepoint(db, work))
  lastWork.set(
    db,
    result.catch(() => undefined),
  )
  return result
}

async function inSavepoint<Result>(db: ReownDatabase, work: () => Promise<Result>): Promise<Result> {
  await begin(db)
  try {
    await openJournal(db)
    const result = await work()
    await run(db, sql`release savepoint latchkey_reown`)
    return result
  } catch (error) {
    // After a deadlock, MariaDB has rolled back everything, the savepoint included: the first error is the reason.
    await rollback(db).catch(() => undefined)
    throw !isLatchkeyError(error) && isTaken(error) ? conflictError([], error) : error
  }
}

/** Whether the database refused a row because another one has its place. */
function isTaken(error: unknown): boolean {
  return isUniqueViolation(error) || hasErrorCode(error, EXCLUSION_VIOLATION)
}

/**
 * Runs work inside {@link atomically}. If the database refuses a row as not unique, the work is undone.
 *
 * @returns whether it was done
 */
export async function unlessTaken(db: ReownDatabase, work: () => Promise<void>): Promise<boolean> {
  await run(db, sql`savepoint latchkey_try`)
  const isDone = await work().then(
    () => true,
    async (error: unknown) => {
      if (!isTaken(error)) throw error
      await run(db, sql`rollback to savepoint latchkey_try`)
      return false
    },
  )
  await run(db, sql`release savepoint latchkey_try`)
  return isDone
}

async function begin(db: ReownDatabase): Promise<void> {
  try {
    for (const statement of dialectOf(db).begin) await run(db, statement)
  } catch (error) {
    if (!hasErrorCode(error, NO_TRANSACTION)) throw error
    throw new TypeError('db: expected a connection with an open transaction', { cause: error })
  }
}

/** A write, since a transaction of SQLite that reads first fails if another one writes in between. */
async function openJournal(db: ReownDatabase): Promise<void> {
  try {
    await run(db, sql`delete from ${journalNames(db).entries} where 1 = 0`)
  } catch (error) {
    const isMissing = hasErrorCode(error, NO_TABLE) || /no such table/.test(String(error))
    throw isMissing ? new LatchkeyError('DATABASE_NOT_MIGRATED', 'run the statements of reownTables()', error) : error
  }
}

async function rollback(db: ReownDatabase): Promise<void> {
  await run(db, sql`rollback to savepoint latchkey_reown`)
  await run(db, sql`release savepoint latchkey_reown`)
}
