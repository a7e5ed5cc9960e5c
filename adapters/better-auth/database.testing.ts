import { randomBytes } from 'node:crypto'
import type { BetterAuthOptions } from 'better-auth'
import Sqlite from 'better-sqlite3'
import { PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { inject } from 'vitest'

/** A database of a test's own. */
export interface TestDatabase {
  /** Better Auth's `database` option. */
  readonly database: BetterAuthOptions['database']
  /** Every statement that was sent, in order. */
  readonly statements: string[]
  close(): Promise<void>
}

/** @param file - a path, or in memory unless told */
export function openSqlite(file = ':memory:'): TestDatabase {
  const statements: string[] = []
  const database = new Sqlite(file, { verbose: (statement) => statements.push(String(statement)) })
  return { database, statements, close: async () => void database.close() }
}

/** @param place - an address; a new, empty database on the run's Postgres unless told */
export async function openPostgres(transaction: boolean, place?: string): Promise<TestDatabase> {
  const url = place ?? (await newPostgres())
  const statements: string[] = []
  const pool = new Pool({ connectionString: url, max: 10 })
  pool.on('connect', (client) => countStatements(client as unknown as Client, statements))
  // The pool's own clients may hear of the end of the cluster.
  pool.on('error', () => {})
  const database = transaction ? pool : { dialect: new PostgresDialect({ pool }), type: 'postgres' as const }
  return { database, statements, close: () => pool.end() }
}

/** Makes a database, and returns its address. */
export async function newPostgres(): Promise<string> {
  const response = await fetch(inject('postgres'))
  const server = await response.text()
  if (!response.ok) throw new Error(server)
  const name = `latchkey_${randomBytes(8).toString('hex')}`
  const client = new Client({ connectionString: `${server}/postgres` })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  return `${server}/${name}`
}

function countStatements(client: Client, statements: string[]): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const counted = (...args: unknown[]): unknown => {
    const [first] = args
    statements.push(typeof first === 'string' ? first : String((first as { text?: string }).text))
    return query(...args)
  }
  Object.assign(client, { query: counted })
}
