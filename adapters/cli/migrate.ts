import { type App, type AppDatabase, type Connection, hasOwnAdapter, loadApp } from './app.ts'
import { LIMIT_LOCKS, LOCK_TIMEOUT_S } from './database.ts'
import { hideAddresses } from './log.ts'
import { Refusal } from './refusal.ts'
import { addUniqueIndex, lacksUniqueIndex } from './unique-index.ts'

/** What a database lacks. */
export interface Lack {
  /** Tables. */
  readonly tables: readonly string[]
  /** Tables that lack columns. */
  readonly extended: readonly string[]
  /** The column is there, its unique index is not. */
  readonly uniqueIndex: boolean
}

/**
 * Gives the database of an app the tables and columns of its plugins. Rows stay as they are. SQLite, Postgres and SQL
 * Server do it in one transaction; with MySQL and MariaDB, a second run completes an interrupted one, except for the
 * indexes that Better Auth plans only with their table or column.
 *
 * @returns a line for each kind of change
 * @throws {Refusal} it cannot be done; a database with transactions is unchanged then
 */
export async function migrate(file: string): Promise<string> {
  const app = await loadApp(file)
  if (hasOwnAdapter(app))
    throw new Refusal(
      `${file} uses a database adapter (Drizzle, Prisma, MongoDB or your own). ` +
        "Add the tables to its schema with Better Auth's `generate`, then apply them with its own tool.",
    )
  const open = await app.connect()
  if (open.introspectIndexes !== undefined)
    throw new Refusal('Cloudflare D1 has no transactions. Run getMigrations of better-auth/db/migration in a Worker.')
  const done = await inTransaction(app, open, async (connection) => {
    const options = { ...app.options, database: databaseOf(open, connection) }
    const plan = await app.getMigrations(options)
    await plan.runMigrations()
    const lacksIndex = await lacksUniqueIndex(app, open, connection)
    if (lacksIndex) await addUniqueIndex(app, connection)
    return lackOf(plan, lacksIndex)
  })
  return printDone(done)
}

/** Determines what the database of an app lacks, and changes nothing. */
export async function findLack(app: App): Promise<Lack> {
  const open = await app.connect()
  const plan = await app.getMigrations(app.options, { throwOnUnsafe: false })
  // A missing column gets its index with it.
  const lacksIndex = !plan.toBeAdded.some(({ fields }) => 'principal' in fields)
  return lackOf(plan, lacksIndex && (await lacksUniqueIndex(app, open, open.kysely)))
}

/** @returns whether nothing is missing */
export function isComplete({ tables, extended, uniqueIndex }: Lack): boolean {
  return tables.length === 0 && extended.length === 0 && !uniqueIndex
}

type Plan = Pick<Awaited<ReturnType<App['getMigrations']>>, 'toBeCreated' | 'toBeAdded' | 'toBeAddedIndexes'>

function lackOf({ toBeCreated, toBeAdded }: Plan, uniqueIndex: boolean): Lack {
  const names = (tables: readonly { table: string }[]): string[] =>
    [...new Set(tables.map(({ table }) => table))].toSorted()
  return { tables: names(toBeCreated), extended: names(toBeAdded), uniqueIndex }
}

function printDone(lack: Lack): string {
  if (isComplete(lack)) return 'The database has every table and column.\n'
  return [
    lack.extended.length > 0 ? `Extended the tables ${lack.extended.join(', ')}.\n` : '',
    lack.tables.length > 0 ? `Created the tables ${lack.tables.join(', ')}.\n` : '',
    lack.uniqueIndex ? 'Added the unique index of the principal.\n' : '',
  ].join('')
}

function databaseOf({ databaseType, schemaName }: AppDatabase, connection: Connection): never {
  return { db: connection, type: databaseType, ...(schemaName !== undefined && { schemaName }) } as never
}

/** Names the lock under which processes change the tables, so that one waits for another. */
const LOCK_ID = 5_228_105

/** Statements that begin, end and undo. SQLite takes its write lock at once: later, it could be refused. */
const STATEMENTS = {
  sqlite: { begin: ['begin immediate'], commit: 'commit', rollback: 'rollback' },
  postgres: {
    begin: ['begin', `select pg_advisory_xact_lock(${LOCK_ID})`, LIMIT_LOCKS],
    commit: 'commit',
    rollback: 'rollback',
  },
  mssql: {
    begin: [`set lock_timeout ${LOCK_TIMEOUT_S * 1000}`, 'begin transaction'],
    commit: 'commit',
    rollback: 'rollback',
  },
  // Statements that change tables commit on their own there.
  mysql: {
    begin: [`select get_lock('latchkey', 60) as taken`, `set session lock_wait_timeout = ${LOCK_TIMEOUT_S}`],
    commit: `select release_lock('latchkey')`,
    rollback: `select release_lock('latchkey')`,
  },
} as const

interface LockRow {
  readonly taken?: unknown
}

/** @param row - of `get_lock`, which answers 0 after its wait instead of failing, or of another statement */
function refuseLocked(row: LockRow | undefined): void {
  if (row?.taken !== undefined && Number(row.taken) !== 1) throw new Error('another run of it is at work')
}

async function inTransaction(
  app: App,
  open: AppDatabase,
  act: (connection: Connection) => Promise<Lack>,
): Promise<Lack> {
  const { begin, commit, rollback } = STATEMENTS[open.databaseType ?? 'sqlite']
  try {
    return await open.kysely.connection().execute(async (connection) => {
      const run = async (statement: string): Promise<LockRow | undefined> =>
        (await app.sql.raw<LockRow>(statement).execute(connection)).rows[0]
      for (const statement of begin) refuseLocked(await run(statement))
      try {
        const result = await act(connection)
        await run(commit)
        return result
      } catch (error) {
        await run(rollback).catch(() => {})
        throw error
      }
    })
  } catch (error) {
    const outcome = open.databaseType === 'mysql' ? 'Fix the cause and run it again' : 'Nothing was changed'
    throw new Refusal(`The database refused the change: ${hideAddresses((error as Error).message)}. ${outcome}.`)
  }
}
