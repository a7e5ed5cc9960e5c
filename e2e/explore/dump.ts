import type Sqlite from 'better-sqlite3'
import type { Pool } from 'pg'
import type { TestDatabase } from '../../adapters/better-auth/testing/database.testing.ts'

export type Row = Readonly<Record<string, unknown>>

/** All rows of all tables. */
export type Dump = Readonly<Record<string, readonly Row[]>>

/** What has a database. */
export interface Dumped {
  readonly explored: { readonly database: TestDatabase }
}

interface Raw {
  all(table: string): Promise<Row[]> | Row[]
  clear(tables: readonly string[]): Promise<void>
  tables(): Promise<string[]> | string[]
}

const known = new WeakMap<object, Raw>()
const tables = new WeakMap<object, string[]>()

/** Reads a database behind the server's back. */
export async function dumpOf({ explored }: Dumped): Promise<Dump> {
  const raw = rawOf(explored.database.database)
  const names = tables.get(explored) ?? (await raw.tables())
  tables.set(explored, names)
  const rows = await Promise.all(names.map((name) => raw.all(name)))
  return Object.fromEntries(names.map((name, at) => [name, rows[at]!]))
}

/** Takes every row out, except the server's own keys. */
export async function clearTables({ explored }: Dumped): Promise<void> {
  const raw = rawOf(explored.database.database)
  const names = tables.get(explored) ?? (await raw.tables())
  await raw.clear(names.filter((name) => name !== 'jwks'))
  ;(explored.database.statements as string[]).length = 0
}

function rawOf(database: unknown): Raw {
  const found = known.get(database as object)
  if (found) return found
  const raw = 'prepare' in (database as object) ? sqlite(database as Sqlite.Database) : postgres(database as Pool)
  known.set(database as object, raw)
  return raw
}

function sqlite(database: Sqlite.Database): Raw {
  const statements = new Map<string, Sqlite.Statement>()
  return {
    all(table) {
      const statement = statements.get(table) ?? database.prepare(`select * from "${table}"`)
      statements.set(table, statement)
      return statement.all() as Row[]
    },
    clear: async (names) => void database.exec(names.map((name) => `delete from "${name}"`).join(';')),
    tables: () => database.prepare<[], string>("select name from sqlite_master where type = 'table'").pluck().all(),
  }
}

function postgres(pool: Pool): Raw {
  return {
    all: async (table) => (await pool.query<Row>(`select * from "${table}" order by 1`)).rows,
    clear: async (names) => void (await pool.query(`truncate ${names.map((name) => `"${name}"`).join(', ')} cascade`)),
    tables: async () =>
      (
        await pool.query<{ name: string }>("select tablename as name from pg_tables where schemaname = 'public'")
      ).rows.map(({ name }) => name),
  }
}
