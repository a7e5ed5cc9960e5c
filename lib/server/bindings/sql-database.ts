import { repeatOnConflict } from './repeat.ts'
import { isWriteConflict } from './sql-errors.ts'

/** A parameter of a statement. */
export type SqlValue = string | number | null

/** A database as the binding store uses it. Every statement is one unit: it is done completely or not at all. */
export interface SqlDatabase {
  /**
   * Runs one statement and returns its rows.
   *
   * @param statement - with the parameters `$1`, `$2` …
   */
  run(statement: string, values: readonly SqlValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Runs definitions, separated by semicolons. */
  define(definitions: string): Promise<unknown>
}

/** The part of a Postgres driver that is used: `Pool` of `pg` has it. */
export interface PostgresDriver {
  /** Runs a statement with the parameters `$1`, `$2` …, or definitions without parameters. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * The part of a SQLite driver that is used: `Database` of `better-sqlite3` and `DatabaseSync` of `node:sqlite` have it.
 * Its calls may also return promises.
 */
export interface SqliteDriver {
  /** Prepares a statement with question marks for its parameters. */
  prepare(statement: string): {
    /** Runs it, and returns its rows. */
    all(...values: SqlValue[]): unknown[] | Promise<unknown[]>
  }
  /** Runs definitions, separated by semicolons. */
  exec(definitions: string): unknown
}

/** A row of a result, by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>

type Rows = readonly SqlRow[]

/** What every operation of a store needs. */
export interface SqlServer {
  run(statement: string, ...values: SqlValue[]): Promise<readonly SqlRow[]>
  /** Whole milliseconds since 1970. */
  readonly now: () => number
}

/** Uses Postgres as {@link SqlDatabase}. */
export function postgresDatabase(driver: PostgresDriver): SqlDatabase {
  return {
    run: (statement, values) => repeatOnConflict(async () => (await driver.query(statement, [...values])).rows as Rows),
    define: (definitions) => repeatOnConflict(() => driver.query(definitions), isDefinedMeanwhile),
  }
}

/** Uses SQLite (3.35 or later) as {@link SqlDatabase}. */
export function sqliteDatabase(driver: SqliteDriver): SqlDatabase {
  return {
    run: (statement, values) => repeatOnConflict(() => runSqlite(driver, statement, values)),
    define: (definitions) => repeatOnConflict(async () => driver.exec(definitions)),
  }
}

/** Drivers differ in how they take numbered parameters; all of them take the values in the order of question marks. */
async function runSqlite(driver: SqliteDriver, statement: string, values: readonly SqlValue[]): Promise<Rows> {
  const ordered: SqlValue[] = []
  const text = statement.replace(/\$(\d+)/g, (_, number: string) => {
    ordered.push(values[Number(number) - 1]!)
    return '?'
  })
  return (await driver.prepare(text).all(...ordered)) as Rows[number][]
}

/** Two servers that start at the same time: `if not exists` does not cover a table that is created in between. */
function isDefinedMeanwhile(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return isWriteConflict(error) || ['23505', '42P07', '42710', 'XX000'].includes(code as string)
}
