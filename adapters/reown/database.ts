import type { Awaitable } from '../../lib/server-kit.ts'
import type { Sql } from './sql.ts'

/**
 * One connection to a database, with an open transaction on it. A pool is none: each of its statements may run on
 * another connection.
 */
export interface ReownDatabase {
  /** `mysql` is MariaDB, too. */
  readonly dialect: 'postgres' | 'sqlite' | 'mysql'
  /**
   * Runs one statement.
   *
   * @param text - with the database's own placeholders: `$1`, `$2` … in Postgres, `?` elsewhere
   * @param parameters - strings and numbers, in the order of the placeholders
   * @param parts - the text around the parameters, for libraries that build statements with a template tag
   * @returns the rows of a query; of other statements anything
   */
  execute(text: string, parameters: readonly (string | number)[], parts: readonly string[]): Awaitable<unknown>
}

/** Runs a statement, and returns the rows of a query. */
export async function run<Row>(db: ReownDatabase, { parts, parameters }: Sql): Promise<readonly Row[]> {
  const placeholder = (at: number): string => (db.dialect === 'postgres' ? `$${at}` : '?')
  const text = parts.reduce((before, part, at) => before + placeholder(at) + part)
  return (await db.execute(text, parameters, parts)) as readonly Row[]
}

/** Runs a query for one number; drivers return strings and bigints, too. */
export async function count(db: ReownDatabase, query: Sql): Promise<number> {
  const [row] = await run<{ n: unknown }>(db, query)
  return Number(row!.n)
}
