import { createHash, randomBytes } from 'node:crypto'
import type { BetterAuthOptions } from 'better-auth'
import Sqlite from 'better-sqlite3'
import { PostgresDialect } from 'kysely'
import { type Client, Pool, type PoolClient, type PoolConfig } from 'pg'
import { inject } from 'vitest'
import type { RunningPostgres } from './postgres.testing.ts'

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

/** @param file - a path; defaults to a database in memory */
export function openSqlite(file = ':memory:'): TestDatabase {
  const statements: string[] = []
  const database = new Sqlite(file, { verbose: (statement) => statements.push(String(statement)) })
  // What a killed process wrote is the system's by then: only a loss of power could take it.
  database.pragma('synchronous = off')
  statements.length = 0
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

/** @param place - an address; defaults to a new, empty database on the run's Postgres */
export async function openPostgres(transaction: boolean, place?: string): Promise<TestDatabase> {
  const pool = new Pool({ connectionString: place ?? (await newPostgres()), max: 10 })
  const statements: string[] = []
  pool.on('connect', (client) => countStatements(client as unknown as Client, { statements }))
  // The pool's own clients may hear of the end of the cluster.
  pool.on('error', () => {})
  const database = transaction ? pool : { dialect: new PostgresDialect({ pool }), type: 'postgres' as const }
  return { database, statements, close: () => pool.end() }
}

/** What changes more than rows. */
const DEFINITION = /^\s*(create|alter|drop|grant|revoke|comment)\b/i

/**
 * A database on the run's Postgres with the tables of its schema and no rows. It exists once it is prepared. To make
 * one takes longer than most tests, and so do the first statements of a connection: one that a test leaves with the
 * tables that it had, and with no connection in use, is emptied for the next test of this worker.
 */
export async function openPostgresCopy(transaction: boolean): Promise<TestDatabase> {
  const statements: string[] = []
  let copy: Copy | undefined
  let isMigrated = false
  let isOver = false
  /** A late call of this test must not reach the database of the next one. */
  const own = (): Pool => {
    if (isOver || !copy) throw new Error('the test has no database')
    return copy.pool
  }
  const pool = {
    connect: () => own().connect(),
    query: (text: string, values?: unknown[]) => own().query(text, values),
  } as Pool
  const database = transaction ? pool : { dialect: new PostgresDialect({ pool }), type: 'postgres' as const }
  return {
    database,
    statements,
    async prepare(schema, migrate) {
      isMigrated = copy !== undefined
      if (isMigrated) return migrate(database)
      copy = await takeCopy(schema, migrate)
      copy.statements = statements
    },
    async close() {
      isOver = true
      if (!copy) return
      const isChanged = isMigrated || statements.some((statement) => DEFINITION.test(statement))
      copy.statements = []
      await (isChanged || !isIdle(copy.pool) ? copy.pool.end() : keepCopy(copy))
    },
  }
}

interface Copy {
  readonly template: string
  readonly pool: Pool
  /** Of the test that has it. */
  statements: string[]
  /** Deletes all rows. */
  deletions: string
}

/** Those that the next test can have; the last one was used last. */
const idle: Copy[] = []

/** Each has a connection or more. */
const MOST_IDLE = 12

async function takeCopy(schema: string, migrate: Migrate): Promise<Copy> {
  const template = `template_${createHash('sha256').update(schema).digest('hex').slice(0, 32)}`
  const place = idle.findLastIndex((copy) => copy.template === template)
  const [found] = place === -1 ? [] : idle.splice(place, 1)
  if (!found) return makeCopy(template, migrate)
  await found.pool.query(found.deletions)
  return found
}

async function makeCopy(template: string, migrate: Migrate): Promise<Copy> {
  const name = newName()
  await asAdministrator((client) => copyTemplate(client, name, template, migrate))
  const pool = new Pool({ ...(await optionsOf(name)), max: 10, idleTimeoutMillis: 0, allowExitOnIdle: true })
  // Also while it is idle: its clients may hear of the end of the cluster.
  pool.on('error', () => {})
  const copy: Copy = { template, pool, statements: [], deletions: '' }
  pool.on('connect', (client) => countStatements(client as unknown as Client, copy))
  copy.deletions = await deletionsOf(pool)
  return copy
}

function isIdle(pool: Pool): boolean {
  return pool.idleCount === pool.totalCount && pool.waitingCount === 0
}

/** Forgets what its connections know, so that nothing of this test comes into the next. */
async function keepCopy(copy: Copy): Promise<void> {
  const clients = await Promise.all(Array.from({ length: copy.pool.totalCount }, () => copy.pool.connect()))
  await Promise.all(clients.map((client) => client.query('discard all')))
  for (const client of clients) client.release()
  idle.push(copy)
  if (idle.length > MOST_IDLE) await idle.shift()!.pool.end()
}

/** `truncate` makes new files, which takes thirty times as long. */
async function deletionsOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I', tablename) as name from pg_tables where schemaname = 'public'`,
  )
  const deletions = rows.map(({ name }) => `delete from ${name};`).join(' ')
  // As a replica, Postgres checks no foreign keys: the order does not matter.
  return `begin; set local session_replication_role = replica; ${deletions} commit`
}

async function copyTemplate(client: PoolClient, name: string, template: string, migrate: Migrate): Promise<void> {
  const exists = async (): Promise<boolean> =>
    (await client.query('select 1 from pg_database where datname = $1', [template])).rowCount === 1
  if (!(await exists())) {
    // Other workers ask for the same template. The name of a template says that it is complete.
    await client.query('select pg_advisory_lock(1)')
    if (!(await exists())) await makeTemplate(client, template, migrate)
    await client.query('select pg_advisory_unlock(1)')
  }
  await client.query(`create database ${name} template ${template}`)
}

async function makeTemplate(client: PoolClient, template: string, migrate: Migrate): Promise<void> {
  const name = newName()
  await client.query(`create database ${name}`)
  const pool = new Pool({ ...(await optionsOf(name)), max: 1 })
  await migrate(pool)
  await pool.end()
  await client.query(`alter database ${name} rename to ${template}`)
}

/** Makes a database, and returns its address. */
export async function newPostgres(): Promise<string> {
  const name = newName()
  await asAdministrator((client) => client.query(`create database ${name}`))
  return `${(await runningPostgres()).url}/${name}`
}

function newName(): string {
  return `latchkey_${randomBytes(8).toString('hex')}`
}

let running: Promise<RunningPostgres> | undefined
let administrators: Pool | undefined

function runningPostgres(): Promise<RunningPostgres> {
  return (running ??= askForPostgres())
}

async function askForPostgres(): Promise<RunningPostgres> {
  const response = await fetch(inject('postgres'))
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as RunningPostgres
}

/** How a pool reaches a database on the run's Postgres. */
async function optionsOf(database: string): Promise<PoolConfig> {
  const { host, port } = await runningPostgres()
  return { host, port, user: 'postgres', password: 'postgres', database }
}

/** Gives a worker's connection that makes databases to one caller at a time. */
async function asAdministrator<Result>(act: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const options = await optionsOf('postgres')
  const client = await (administrators ??= newAdministrators(options)).connect()
  try {
    return await act(client)
  } finally {
    client.release()
  }
}

function newAdministrators(options: PoolConfig): Pool {
  const pool = new Pool({ ...options, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true })
  // It may hear of the end of the cluster.
  return pool.on('error', () => {})
}

function countStatements(client: Client, counted: { readonly statements: string[] }): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const countedQuery = (...args: unknown[]): unknown => {
    const [first] = args
    counted.statements.push(typeof first === 'string' ? first : String((first as { text?: string }).text))
    return query(...args)
  }
  Object.assign(client, { query: countedQuery })
}
