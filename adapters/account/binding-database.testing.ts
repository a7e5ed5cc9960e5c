import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Pool } from 'pg'
import {
  type PostgresDriver,
  type SqlBindingStore,
  type SqliteDriver,
  postgresBindingStore,
  sqliteBindingStore,
} from '../../lib/server.ts'
import { newPostgres } from '../better-auth/testing/database.testing.ts'

/** Called around each statement; may reject, or wait. */
export interface Wire {
  readonly before?: (statement: string) => unknown
  readonly after?: (statement: string) => unknown
}

/** A database for one test file; each server has a connection of its own. */
export interface BindingDatabase {
  /** Opens a further server's store. */
  server(clock?: () => number, wire?: Wire): Promise<SqlBindingStore>
  /** Runs a statement of the test itself. */
  query(statement: string): Promise<unknown[]>
  close(): Promise<void>
}

/** Connections of different servers; each new server takes the next. */
const SERVERS = 4

function inTurn<Connection>(connections: readonly Connection[]): () => Connection {
  let turn = 0
  return () => connections[turn++ % connections.length]!
}

/** A file with several connections: SQLite in memory has only one. */
async function openSqlite(): Promise<BindingDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bindings-'))
  const connections = Array.from({ length: SERVERS }, () => new Sqlite(join(folder, 'bindings.db')))
  for (const connection of connections) connection.pragma('synchronous = off')
  const next = inTurn(connections)
  const own = connections[0]!
  return {
    server: async (clock, wire = {}) => sqliteBindingStore(wiredSqlite(next(), wire), clock),
    query: async (statement) =>
      statement.startsWith('select') ? own.prepare(statement).all() : [own.prepare(statement).run()],
    async close() {
      for (const connection of connections) connection.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function wiredSqlite(database: Sqlite.Database, { before, after }: Wire): SqliteDriver {
  return {
    exec: (definitions) => database.exec(definitions),
    prepare(statement) {
      const prepared = database.prepare<unknown[], unknown>(statement)
      return {
        async all(...values) {
          await before?.(statement)
          const rows = prepared.all(...values)
          await after?.(statement)
          return rows
        },
      }
    },
  }
}

async function openPostgres(isolation: string): Promise<BindingDatabase> {
  const connectionString = await newPostgres()
  const options = `-c default_transaction_isolation=${isolation}`
  const pools = Array.from({ length: SERVERS }, () => new Pool({ connectionString, max: 10, options }))
  // They may hear of the end of the cluster.
  for (const pool of pools) pool.on('error', () => {})
  const next = inTurn(pools)
  return {
    server: async (clock, wire = {}) => postgresBindingStore(wiredPostgres(next(), wire), clock),
    query: async (statement) => (await pools[0]!.query<Record<string, unknown>>(statement)).rows,
    close: async () => void (await Promise.all(pools.map((pool) => pool.end()))),
  }
}

function wiredPostgres(pool: Pool, { before, after }: Wire): PostgresDriver {
  return {
    async query(text, values) {
      await before?.(text)
      const result = await pool.query<Record<string, unknown>>(text, values)
      await after?.(text)
      return result
    },
  }
}

/** The databases that a store is tested on. */
export const DATABASES: readonly { readonly name: string; readonly open: () => Promise<BindingDatabase> }[] = [
  { name: 'SQLite', open: openSqlite },
  { name: 'Postgres', open: () => openPostgres('read\\ committed') },
  { name: 'Postgres, serializable', open: () => openPostgres('serializable') },
]
