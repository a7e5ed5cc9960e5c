import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Sqlite from 'better-sqlite3'
import { Client } from 'pg'
import { afterEach, describe } from 'vitest'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import '../better-auth/testing/postgres.testing.ts'
import { type ReownDatabase, reownTables } from './index.ts'

type Row = Record<string, unknown>

/** A connection to a database of a test's own. */
export interface Connection extends ReownDatabase {
  /** Every statement of `execute`, in order. */
  readonly statements: string[]
  /** Called before each of them. */
  before: (text: string) => void | Promise<void>
  execute(text: string, parameters?: readonly (string | number)[]): Promise<Row[]>
  /** Puts a name into the quotes of the database. */
  quote(name: string): string
  /** Runs work in a transaction. */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>
  /** Another connection to the same database. */
  another(): Promise<Connection>
  close(): Promise<void>
}

type Run = (text: string, parameters: readonly (string | number)[]) => Promise<Row[]>

function connection(
  dialect: ReownDatabase['dialect'],
  run: Run,
  rest: Pick<Connection, 'another' | 'close'>,
): Connection {
  const mark = dialect === 'mysql' ? '`' : '"'
  const made: Connection = {
    dialect,
    statements: [],
    before: () => undefined,
    async execute(text, parameters = []) {
      made.statements.push(text)
      await made.before(text)
      return run(text, parameters)
    },
    quote: (name) => mark + name.replaceAll(mark, mark + mark) + mark,
    async transaction(work) {
      await made.execute(dialect === 'sqlite' ? 'begin immediate' : 'begin')
      try {
        const result = await work()
        await made.execute('commit')
        return result
      } catch (error) {
        await made.execute('rollback').catch(() => [])
        throw error
      }
    },
    ...rest,
  }
  return made
}

/** @param file - a path, or in memory */
export async function openSqlite(file = ':memory:'): Promise<Connection> {
  const database = new Sqlite(file, { timeout: 0 })
  database.pragma('foreign_keys = on')
  database.pragma('synchronous = off')
  const run: Run = async (text, parameters) => {
    const statement = database.prepare<unknown[], Row>(text)
    if (statement.reader) return statement.all(...parameters)
    statement.run(...parameters)
    return []
  }
  return connection('sqlite', run, { another: () => openSqlite(file), close: async () => void database.close() })
}

async function openPostgres(place: string): Promise<Connection> {
  const client = new Client({ connectionString: place })
  // A test may end the connection from the other side.
  client.on('error', () => {})
  await client.connect()
  const run: Run = async (text, parameters) => (await client.query<Row>(text, [...parameters])).rows
  return connection('postgres', run, { another: () => openPostgres(place), close: () => client.end() })
}

interface Mysql {
  createConnection(place: string): Promise<{
    query(text: string, parameters: readonly unknown[]): Promise<[Row[]]>
    end(): Promise<void>
    on(event: 'error', listener: () => void): void
  }>
}

/** The driver is no dependency of this repository: `LATCHKEY_MYSQL2` names its folder. */
export async function loadMysql2<Driver>(entry: 'index' | 'promise'): Promise<Driver> {
  const { href } = pathToFileURL(join(process.env['LATCHKEY_MYSQL2']!, `${entry}.js`))
  return ((await import(href)) as { default: Driver }).default
}

async function openMysql(place: string): Promise<Connection> {
  const { createConnection } = await loadMysql2<Mysql>('promise')
  const client = await createConnection(place)
  client.on('error', () => {})
  const run: Run = async (text, parameters) => {
    const [rows] = await client.query(text, parameters)
    return Array.isArray(rows) ? rows : []
  }
  return connection('mysql', run, { another: () => openMysql(place), close: () => client.end() })
}

/** A database on the server that `LATCHKEY_MARIADB` names, which is dropped with the connection. */
export async function newMysql(): Promise<Connection & { readonly place: string }> {
  const server = await openMysql(process.env['LATCHKEY_MARIADB']!)
  const name = `latchkey_${randomBytes(8).toString('hex')}`
  await server.execute(`create database ${name} character set utf8mb4`)
  const place = new URL(`/${name}`, process.env['LATCHKEY_MARIADB']).href
  const opened = await openMysql(place)
  const { close } = opened
  return Object.assign(opened, {
    place,
    async close() {
      await close()
      await server.execute(`drop database ${name}`)
      await server.close()
    },
  })
}

interface Engine {
  readonly name: string
  open(): Promise<Connection>
}

/** SQLite in a file, Postgres, and MariaDB where `LATCHKEY_MARIADB` names a server. */
const ENGINES: readonly Engine[] = [
  {
    name: 'SQLite',
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-reown-'))
      const opened = await openSqlite(join(folder, 'app.sqlite'))
      await opened.execute('pragma journal_mode = wal')
      const { close } = opened
      return Object.assign(opened, {
        async close() {
          await close()
          rmSync(folder, { recursive: true })
        },
      })
    },
  },
  { name: 'Postgres', open: async () => openPostgres(await newPostgres()) },
  ...(process.env['LATCHKEY_MARIADB'] === undefined ? [] : [{ name: 'MariaDB', open: newMysql }]),
]

/** Runs a suite on each engine. What it opens has the journal's tables, and is closed after each test. */
export function onEachEngine(suite: (open: () => Promise<Connection>, engine: string) => void): void {
  const named = process.env['LATCHKEY_ENGINES']?.split(',')
  const engines = ENGINES.filter(({ name }) => named?.includes(name) ?? true)
  describe.each(engines.map((engine) => [engine.name, engine] as const))('%s', (name, { open }) => {
    const opened: Connection[] = []
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
    })
    suite(async () => {
      const made = await open()
      opened.push(made)
      for (const statement of reownTables(made.dialect)) await made.execute(statement)
      const { another } = made
      return Object.assign(made, {
        async another() {
          const second = await another()
          opened.unshift(second)
          return second
        },
      })
    }, name)
  })
}
