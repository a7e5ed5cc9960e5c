import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { BetterAuthOptions } from 'better-auth'
import type { Client, Pool } from 'pg'
import { withTimeout } from '../../lib/server-kit.ts'
import type { Place } from './configuration.ts'
import { makePrivate } from './private-files.ts'
import { Refusal, loadPeer } from './refusal.ts'

/** An open database. */
export interface OpenDatabase {
  /** Better Auth's `database` option. */
  readonly database: BetterAuthOptions['database']
  /** Runs work in one starting server at a time. Rejects if the database is closed before its turn. */
  alone(work: () => Promise<void>): Promise<void>
  /** Runs work that changes tables. On Postgres in one transaction, which waits {@link LOCK_TIMEOUT_S} for a lock. */
  change(work: (database: BetterAuthOptions['database']) => Promise<void>): Promise<void>
  /** Returns milliseconds since 1970 by the database's clock; null if it has no clock of its own. */
  now(): Promise<number | null>
  /** Waits for work that runs alone. A statement that waits longer than a second fails. */
  close(): Promise<void>
}

/** How long a change of a table waits for the transactions of others, in seconds: every later query waits behind it. */
export const LOCK_TIMEOUT_S = 3

/** For the current transaction on Postgres. Not if the connection has a limit of its own. */
export const LIMIT_LOCKS: string =
  `select set_config('lock_timeout', '${LOCK_TIMEOUT_S}s', true) ` + `where current_setting('lock_timeout') = '0'`

/** Called with errors of idle connections. */
export type OnDatabaseError = (error: Error) => void

/** Returns the path of the SQLite file in a folder. */
export function fileOf(folder: string): string {
  return join(resolve(folder), 'latchkey.sqlite')
}

/** What SQLite keeps beside a database while it is open. */
function sidecarsOf(file: string): string[] {
  return [`${file}-wal`, `${file}-shm`]
}

/** Every file of a database in a folder. */
export function filesOf(folder: string): string[] {
  const file = fileOf(folder)
  return [file, ...sidecarsOf(file), `${file}.setup`]
}

/**
 * Opens the database.
 *
 * @param readonly - true creates no file and changes none
 * @throws {Refusal} it cannot be opened, or its package is not installed
 */
export function openDatabase(place: Place, onError: OnDatabaseError, readonly = false): Promise<OpenDatabase> {
  return place.kind === 'sqlite' ? openSqlite(place.folder, readonly) : openPostgres(place.url, onError)
}

async function openSqlite(folder: string, readonly: boolean): Promise<OpenDatabase> {
  const { default: Sqlite } = await loadPeer('better-sqlite3', () => import('better-sqlite3'))
  const file = fileOf(folder)
  try {
    if (!readonly) {
      makeDataFolder(dirname(file))
      // SQLite gives its log and its index the mode of the database.
      for (const each of [file, `${file}.setup`, ...sidecarsOf(file).filter(existsSync)]) makePrivate(each)
    }
    const database = new Sqlite(file, { readonly, fileMustExist: readonly })
    if (!readonly) database.pragma('journal_mode = WAL')
    const setup = createSetup()
    return {
      database,
      alone: (work) => alone(new Sqlite(`${file}.setup`, { timeout: SETUP_LOCK_TIMEOUT_MS }), () => setup.run(work)),
      change: (work) => work(database),
      now: async () => null,
      async close() {
        await setup.ended()
        database.close()
      },
    }
  } catch (error) {
    throw new Refusal(`Cannot write to ${file} (${codeOf(error)}). Choose a writable --data-dir.`)
  }
}

/** Work that a stop does not interrupt: a migration that stops half-way may never be completed. */
interface Setup {
  run(work: () => Promise<void>): Promise<void>
  /** Resolves once no work runs. */
  ended(): Promise<void>
}

function createSetup(): Setup {
  let running = Promise.resolve()
  return {
    run: (work) => (running = work()),
    ended: () => running.catch(() => {}),
  }
}

/** How long a server waits for others that start on the same file, in milliseconds. */
const SETUP_LOCK_TIMEOUT_MS = 60_000

/** Locks a separate file: the database's own lock would also block the work. The lock ends with the process. */
async function alone(lock: { exec(sql: string): unknown; close(): unknown }, work: () => Promise<void>): Promise<void> {
  try {
    lock.exec('begin exclusive')
    await work()
  } finally {
    lock.close()
  }
}

/** Creates the folder of a server. Git ignores it: it holds the secret and the users' data. */
export function makeDataFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(folder)
  writeFileSync(join(folder, '.gitignore'), '*\n')
}

/** Not `recursive`: with it, Node 20 never returns for a folder such as /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // EEXIST: another server has just created it.
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Key of the advisory lock under which servers set the database up. */
const SETUP_LOCK_ID = 5_228_104

async function openPostgres(connectionString: string, onError: OnDatabaseError): Promise<OpenDatabase> {
  const { default: pg } = await loadPeer('pg', () => import('pg'))
  const pool = new pg.Pool({ connectionString, max: 10, connectionTimeoutMillis: 10_000 })
  pool.on('error', onError)
  // The pool listens to idle clients only. A statement that loses its connection rejects.
  const clients = new Set<Client>()
  pool.on('connect', (client) => {
    client.on('error', () => {})
    clients.add(client as unknown as Client)
  })
  pool.on('remove', (client) => void clients.delete(client as unknown as Client))
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    // The driver's message can quote the URL, including the password.
    throw new Refusal(`Cannot connect to the database (${codeOf(error)}). Check --database.`)
  }
  const setup = createSetup()
  return {
    database: pool,
    async alone(work) {
      const client = await pool.connect()
      try {
        // In a transaction: a pooler may give each statement outside one another connection, and keep the lock.
        await client.query('begin')
        await client.query('set local idle_in_transaction_session_timeout = 0')
        await client.query('select pg_advisory_xact_lock($1)', [SETUP_LOCK_ID])
        await setup.run(work)
        await client.query('commit')
      } finally {
        // Closing the connection releases the lock in any case.
        client.release(true)
      }
    },
    async change(work) {
      const client = await pool.connect()
      try {
        // All of it or nothing: tables that are changed half-way may never be completed.
        await client.query('begin')
        await client.query(LIMIT_LOCKS)
        const held = { query: client.query.bind(client), release() {} }
        // As much of a pool as is used, with this connection alone.
        await work({ connect: async () => held } as unknown as Pool)
        await client.query('commit')
      } finally {
        client.release(true)
      }
    },
    async now() {
      const { rows } = await pool.query<{ now: string }>('select extract(epoch from clock_timestamp()) * 1000 as now')
      return Number(rows[0]?.now)
    },
    async close() {
      await setup.ended()
      await end(pool, clients)
    },
  }
}

/** How long statements may take after the last request. */
const STATEMENT_TIMEOUT_MS = 1000

/** The pool alone would wait without limit, for example for a statement that waits for a lock. */
function end(pool: Pool, clients: ReadonlySet<Client>): Promise<void> {
  return withTimeout(pool.end(), STATEMENT_TIMEOUT_MS, () => clients.forEach((client) => void client.end()))
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no reason given'
}
