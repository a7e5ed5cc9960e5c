import { createHash, randomBytes } from 'node:crypto'
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
  /**
   * Gives an empty database its tables: those of a template, which `migrate` makes once per `schema`.
   * A database that has tables is migrated itself.
   */
  readonly prepare?: (schema: string, migrate: Migrate) => Promise<void>
  close(): Promise<void>
}

/** Makes what tables a database lacks. */
export type Migrate = (database: BetterAuthOptions['database']) => Promise<void>

/** The statements that make the tables of a schema. */
const sqliteTemplates = new Map<string, string>()

/** @param file - a path, or in memory unless told */
export function openSqlite(file = ':memory:'): TestDatabase {
  const statements: string[] = []
  const database = new Sqlite(file, { verbose: (statement) => statements.push(String(statement)) })
  return {
    database,
    statements,
    prepare: (schema, migrate) => prepareSqlite(database, schema, migrate),
    close: async () => void database.close(),
  }
}

async function prepareSqlite(database: Sqlite.Database, schema: string, migrate: Migrate): Promise<void> {
  const definitions = (): string[] =>
    database.prepare<[], string>('select sql from sqlite_master where sql is not null').pluck().all()
  const isEmpty = definitions().length === 0
  const template = isEmpty ? sqliteTemplates.get(schema) : undefined
  if (template !== undefined) return void database.exec(template)
  await migrate(database)
  if (isEmpty) sqliteTemplates.set(schema, definitions().join(';\n'))
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

/** A new database on the run's Postgres that exists once it is prepared, as a copy of the template of its schema. */
export async function openPostgresCopy(transaction: boolean): Promise<TestDatabase> {
  const server = await runningPostgres()
  const name = newName()
  const opened = await openPostgres(transaction, `${server}/${name}`)
  let isMade = false
  return {
    ...opened,
    async prepare(schema, migrate) {
      if (isMade) return migrate(opened.database)
      await copyTemplate(server, name, schema, migrate)
      isMade = true
    },
  }
}

async function copyTemplate(server: string, name: string, schema: string, migrate: Migrate): Promise<void> {
  const template = `template_${createHash('sha256').update(schema).digest('hex').slice(0, 32)}`
  await asAdministrator(server, async (client) => {
    const exists = async (): Promise<boolean> =>
      (await client.query('select 1 from pg_database where datname = $1', [template])).rowCount === 1
    if (!(await exists())) {
      // Other workers ask for the same template. The name of a template says that it is complete.
      await client.query('select pg_advisory_lock(1)')
      if (!(await exists())) await makeTemplate(server, client, template, migrate)
      await client.query('select pg_advisory_unlock(1)')
    }
    await client.query(`create database ${name} template ${template}`)
  })
}

async function makeTemplate(server: string, client: Client, template: string, migrate: Migrate): Promise<void> {
  const name = newName()
  await client.query(`create database ${name}`)
  const pool = new Pool({ connectionString: `${server}/${name}`, max: 1 })
  await migrate(pool)
  await pool.end()
  await client.query(`alter database ${name} rename to ${template}`)
}

/** Makes a database, and returns its address. */
export async function newPostgres(): Promise<string> {
  const server = await runningPostgres()
  const name = newName()
  await asAdministrator(server, (client) => client.query(`create database ${name}`))
  return `${server}/${name}`
}

function newName(): string {
  return `latchkey_${randomBytes(8).toString('hex')}`
}

async function runningPostgres(): Promise<string> {
  const response = await fetch(inject('postgres'))
  const server = await response.text()
  if (!response.ok) throw new Error(server)
  return server
}

async function asAdministrator(server: string, act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: `${server}/postgres` })
  await client.connect()
  try {
    await act(client)
  } finally {
    await client.end()
  }
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
