import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { APIError } from 'better-auth/api'
import Sqlite from 'better-sqlite3'
import {
  CamelCasePlugin,
  CompiledQuery,
  Kysely,
  MysqlDialect,
  type MysqlPool,
  PostgresDialect,
  SqliteDialect,
  type Transaction,
} from 'kysely'
import { Pool, type PoolClient } from 'pg'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type OnLink, latchkey, latchkeyJwt } from '../better-auth/index.ts'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import { elsewhere, link, sessionIn, unlink } from '../better-auth/testing/link.testing.ts'
import { type Person, codeOf, newPerson } from '../better-auth/testing/requests.testing.ts'
import { type TestServer, person, testServer } from '../better-auth/testing/server.testing.ts'
import { loadMysql2, newMysql } from './databases.testing.ts'
import {
  type ReownDatabase,
  type TrackedDatabase,
  isReownConflict,
  reown,
  reownTables,
  trackTransactions,
  undoReown,
} from './index.ts'

const ada = person('ada')
const JOURNAL_ROWS = 'select count(*) as n from "latchkeyReownRow"'

type Rows = Record<string, unknown>[]

/** A server whose links move rows, on a database. */
interface App {
  readonly server: TestServer
  query(text: string): Promise<Rows>
  /**
   * Does something again and again, with a server that dies before one of its statements, until there are no more.
   *
   * @param check - what the next server finds
   * @param again - takes back an act that succeeded although a statement before it died
   * @returns how often it died
   */
  everyDeath(
    act: () => Promise<Response>,
    check: (query: App['query']) => Promise<void>,
    again: () => Promise<unknown>,
  ): Promise<number>
}

const plugins = (database: () => ReownDatabase) => {
  const tables = [{ table: 'note', column: 'owner' }]
  const onLink: OnLink = async ({ alias, principal }) =>
    void (await reown(database(), { from: alias, to: principal, tables }))
  const onUnlink: OnLink = async ({ alias, principal }) =>
    void (await undoReown(database(), { from: alias, to: principal }))
  return [latchkey({ onLink, onUnlink }), latchkeyJwt()]
}

const TABLE = `create table note (
  id integer primary key, owner varchar(64) not null, slug varchar(64) not null, unique (owner, slug)
)`

/** Runs a statement on a database of SQLite. */
const execute =
  (from: Sqlite.Database) =>
  (text: string, parameters: readonly unknown[] = []): Rows => {
    const statement = from.prepare<unknown[], Rows[number]>(text)
    if (statement.reader) return statement.all(...parameters)
    statement.run(...parameters)
    return []
  }

async function onSqlite(): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-reown-'))
  const file = join(folder, 'app.sqlite')
  let before = (): void => {}
  const database = new Sqlite(file, { verbose: () => before() })
  database.pragma('journal_mode = wal')
  onTestFinished(() => {
    database.close()
    rmSync(folder, { recursive: true })
  })
  // Better Auth's transaction is on the one connection that there is.
  const server = await testServer(
    { plugins: plugins(() => ({ dialect: 'sqlite', execute: execute(database) })) },
    { database, statements: [] },
  )
  for (const statement of [TABLE, ...reownTables('sqlite')]) database.exec(statement)
  return {
    server,
    query: async (text) => execute(database)(text),
    async everyDeath(act, check) {
      const copies: string[] = []
      // What a killed process leaves is in the files.
      before = () => {
        const copy = join(folder, `copy-${copies.length}.sqlite`)
        for (const ending of ['', '-wal']) if (existsSync(file + ending)) copyFileSync(file + ending, copy + ending)
        copies.push(copy)
      }
      expect((await act()).status).toBe(200)
      before = () => {}
      for (const copy of copies) {
        const left = new Sqlite(copy)
        await check(async (text) => execute(left)(text))
        left.close()
      }
      return copies.length
    },
  }
}

async function onPostgres(schemaName?: string): Promise<App> {
  const pool = new Pool({ connectionString: await newPostgres(), max: 10 })
  const backdoor = new Pool({ connectionString: pool.options.connectionString, max: 2 })
  let before: (client: PoolClient) => Promise<void> = async () => {}
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    Object.assign(client, {
      query: async (...args: unknown[]) => {
        await before(client)
        return query(...args)
      },
    })
  })
  const tracked = trackTransactions(new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) }))
  onTestFinished(async () => {
    await tracked.client.destroy()
    await backdoor.end()
  })
  const reownDatabase = reownIn('postgres', tracked)
  expect(reownDatabase).toThrow('there is no transaction of this client')
  const server = await testServer(
    { plugins: plugins(reownDatabase) },
    { database: { db: tracked.client, type: 'postgres', transaction: true, schemaName }, statements: [] },
  )
  for (const statement of [TABLE, ...reownTables('postgres')]) await backdoor.query(statement)
  const query: App['query'] = async (text) => (await backdoor.query<Rows[number]>(text)).rows
  return {
    server,
    query,
    everyDeath: everyDeath(query, (next) => {
      before = async (client) => {
        const { processID } = client as unknown as { processID: number }
        // Until the backend has ended.
        await next(() => backdoor.query(`select pg_terminate_backend(${processID}, 60000)`))
      }
    }),
  }
}

/** The connections of mysql2 as Kysely uses them. */
interface MysqlConnection {
  readonly threadId: number
  query(text: string, parameters: readonly unknown[], done: (error: unknown, result?: unknown) => void): unknown
}

interface Mysql2 {
  createPool(options: { uri: string; connectionLimit: number; timezone: string }): MysqlPool & {
    on(event: 'connection', listener: (client: MysqlConnection) => void): void
  }
}

async function onMariadb(): Promise<App> {
  const backdoor = await newMysql()
  // The statements of this file put names into double quotes.
  await backdoor.execute("set session sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')")
  const pool = (await loadMysql2<Mysql2>('index')).createPool({
    uri: backdoor.place,
    connectionLimit: 10,
    timezone: 'Z',
  })
  let before: (client: MysqlConnection) => Promise<void> = async () => {}
  pool.on('connection', (client) => {
    const query = client.query.bind(client)
    Object.assign(client, {
      query: (...args: Parameters<MysqlConnection['query']>) =>
        void before(client).then(() => void query(...args), args[2]),
    })
  })
  const tracked = trackTransactions(new Kysely<Record<string, never>>({ dialect: new MysqlDialect({ pool }) }))
  onTestFinished(async () => {
    await tracked.client.destroy()
    await backdoor.close()
  })
  const server = await testServer(
    { plugins: plugins(reownIn('mysql', tracked)) },
    { database: { db: tracked.client, type: 'mysql', transaction: true }, statements: [] },
  )
  for (const statement of [TABLE, ...reownTables('mysql')]) await backdoor.execute(statement)
  const query: App['query'] = (text) => backdoor.execute(text)
  return {
    server,
    query,
    everyDeath: everyDeath(query, (next) => {
      before = ({ threadId }) =>
        next(async () => {
          await query(`kill ${threadId}`)
          // Until the server has ended it, and undone its transaction.
          while ((await query(`select 1 from information_schema.processlist where id = ${threadId}`)).length > 0);
        })
    }),
  }
}

/** The transaction that Better Auth is running. */
const reownIn =
  (dialect: ReownDatabase['dialect'], tracked: TrackedDatabase<Kysely<Record<string, never>>>): (() => ReownDatabase) =>
  () => {
    const transaction: Transaction<Record<string, never>> = tracked.transaction()
    return {
      dialect,
      execute: async (text, parameters) =>
        (await transaction.executeQuery(CompiledQuery.raw(text, [...parameters]))).rows,
    }
  }

/**
 * On a server of databases, the connection dies.
 *
 * @param onStatement - lets `next` run before each statement, with what ends its connection
 */
function everyDeath(
  query: App['query'],
  onStatement: (next: (end: () => Promise<unknown>) => Promise<void>) => void,
): App['everyDeath'] {
  return async (act, check, again) => {
    // Better Auth prints what its handlers throw.
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => printed.mockRestore())
    for (let place = 1; ; place++) {
      let left = place
      onStatement(async (end) => {
        if (--left === 0) await end()
      })
      // The first request that needs the connection may be the one for the nonce.
      const status = await act().then(
        (answer) => answer.status,
        () => 500,
      )
      onStatement(async () => {})
      if (left > 0) {
        expect(status).toBe(200)
        return place - 1
      }
      await check(query)
      // A failed look at the session is repeated.
      if (status === 200) await again()
    }
  }
}

/** MariaDB where `LATCHKEY_MARIADB` names a server. */
const APPS = {
  SQLite: onSqlite,
  Postgres: () => onPostgres(),
  ...(process.env['LATCHKEY_MARIADB'] !== undefined && { MariaDB: onMariadb }),
}

/** An account that has the principal of one device, and another device of it with two notes. */
async function twoDevices({ server, query }: App): Promise<Record<'one' | 'two', Person>> {
  const one = await newPerson(server)
  await one.prove('/sign-up/email', ada)
  await one.session()
  const two = await elsewhere(server, ada)
  await query(`insert into note values (1, '${two.device.principal}', 'a'), (2, '${two.device.principal}', 'b')`)
  return { one, two }
}

const ownersOf = async (query: App['query']): Promise<unknown[]> =>
  (await query('select owner from note order by id')).map(({ owner }) => owner)

async function countJournal(query: App['query']): Promise<number> {
  return Number((await query(JOURNAL_ROWS))[0]!['n'])
}

/** A guard against hanging: MariaDB takes a second for each death on a busy machine. */
const DEATHS_TIMEOUT_MS = 600_000

describe.each(Object.entries(APPS))('on %s', (name, start) => {
  test('a link moves the rows of the device, and an undo gives them back', async () => {
    const app = await start()
    const { one, two } = await twoDevices(app)
    const [account, device] = [one.device.principal, two.device.principal]
    expect(await sessionIn(await link(two, two.device))).toMatchObject({ principal: account, aliases: [device] })
    expect(await ownersOf(app.query)).toEqual([account, account])
    expect(await sessionIn(await unlink(one, device))).toMatchObject({ aliases: [] })
    expect(await ownersOf(app.query)).toEqual([device, device])
    expect(await countJournal(app.query)).toBe(0)
    // Within the thirty days the same account can have it again.
    expect((await link(two, two.device)).status).toBe(200)
    expect(await ownersOf(app.query)).toEqual([account, account])
  })

  test('Better Auth counts rows, without a transaction too', async () => {
    const { server } = await start()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    expect(await server.adapter.count({ model: 'user' })).toBe(1)
  })

  test('a conflict refuses the link, and changes nothing', async () => {
    const app = await start()
    const { one, two } = await twoDevices(app)
    await app.query(`insert into note values (3, '${one.device.principal}', 'b')`)
    const refused = await link(two, two.device)
    expect([refused.status, await codeOf(refused)]).toEqual([409, 'LINK_REFUSED'])
    expect(await ownersOf(app.query)).toEqual([two.device.principal, two.device.principal, one.device.principal])
    expect(await two.session()).toMatchObject({ aliases: [] })
    expect(await countJournal(app.query)).toBe(0)
  })

  test('a server that dies leaves the rows with the link, or neither', { timeout: DEATHS_TIMEOUT_MS }, async () => {
    const app = await start()
    const { one, two } = await twoDevices(app)
    const [account, device] = [one.device.principal, two.device.principal]
    /** Whether the principal is an alias, and that the rows are where it says. */
    const consistent = async (query: App['query']): Promise<boolean> => {
      const [row] = await query(`select kind from "latchkeyPrincipal" where principal = '${device}'`)
      const isAlias = row?.['kind'] === 'alias'
      expect(await ownersOf(query)).toEqual(isAlias ? [account, account] : [device, device])
      expect(await countJournal(query)).toBe(isAlias ? 2 : 0)
      return isAlias
    }
    const seen: boolean[] = []
    const links = await app.everyDeath(
      () => link(two, two.device),
      async (query) => void seen.push(await consistent(query)),
      () => unlink(one, device),
    )
    expect(await consistent(app.query)).toBe(true)
    const unlinks = await app.everyDeath(
      () => unlink(one, device),
      async (query) => void seen.push(await consistent(query)),
      () => link(two, two.device),
    )
    expect(await consistent(app.query)).toBe(false)
    console.warn(`reown with Better Auth on ${name}: died at ${links} places of a link, ${unlinks} of an undo`)
    expect(Math.min(links, unlinks)).toBeGreaterThan(20)
    expect(new Set(seen)).toEqual(new Set([true, false]))
  })

  test('two links and an undo at the same time', async () => {
    const app = await start()
    const { one, two } = await twoDevices(app)
    const three = await elsewhere(app.server, ada)
    const [account, device, phone] = [one, two, three].map((each) => each.device.principal)
    await app.query(`insert into note values (3, '${phone}', 'c')`)
    const statuses = async (...answers: Promise<Response>[]): Promise<number[]> =>
      (await Promise.all(answers)).map(({ status }) => status)
    expect(await statuses(link(two, two.device), link(three, three.device))).toEqual([200, 200])
    expect(await ownersOf(app.query)).toEqual([account, account, account])
    await unlink(one, phone!)
    expect(await statuses(unlink(one, device!), link(three, three.device))).toEqual([200, 200])
    expect(await ownersOf(app.query)).toEqual([device, device, account])
    expect(await one.session()).toMatchObject({ aliases: [phone] })
  })
})

test('a refused link names the rows that conflict: to the log, and to the user if the app says so', async () => {
  const database = new Sqlite(':memory:')
  onTestFinished(() => void database.close())
  let isToldToUser = false
  const onLink: OnLink = async ({ alias, principal }) => {
    const db: ReownDatabase = { dialect: 'sqlite', execute: execute(database) }
    try {
      await reown(db, { from: alias, to: principal, tables: [{ table: 'note', column: 'owner' }] })
    } catch (error) {
      if (!isToldToUser || !isReownConflict(error)) throw error
      const { message, conflicts } = error
      throw new APIError('CONFLICT', { code: 'NOTES_CONFLICT', message, conflicts })
    }
  }
  const logged: unknown[][] = []
  const server = await testServer(
    {
      plugins: [latchkey({ onLink }), latchkeyJwt()],
      logger: { level: 'error', log: (_, ...given) => void logged.push(given) },
    },
    { database, statements: [] },
  )
  for (const statement of [TABLE, ...reownTables('sqlite')]) database.exec(statement)
  const [phone, laptop] = [server.browser(), server.browser()]
  const one = await phone.load({ harden: 'never' })
  await one.upgrade(() => phone.client.signUp.email(ada))
  const two = await laptop.load({ harden: 'never' })
  const [account, device] = [one, two].map((auth) => auth.getState().session!.principal)
  const insert = database.prepare('insert into note values (?, ?, ?)')
  insert.run(1, account, 'shopping')
  insert.run(2, device, 'shopping')
  await two.markWritten()
  expect(await two.upgrade(() => laptop.client.signIn.email(ada))).toMatchObject({ outcome: 'conflict' })
  const conflicts = [{ table: 'note', index: expect.any(String), row: { id: 2 }, other: { id: 1 } }]

  expect(await two.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'LINK_REFUSED' } })
  expect(logged).toContainEqual([
    'latchkey: LINK_REFUSED',
    expect.objectContaining({ code: 'REOWN_CONFLICT', conflicts }),
  ])
  isToldToUser = true
  expect(await two.resolveConflict('adopt')).toMatchObject({
    outcome: 'failed',
    error: { code: 'PROVIDER_REFUSED', cause: { status: 409, code: 'NOTES_CONFLICT', conflicts } },
  })
  expect(await ownersOf(async (text) => execute(database)(text))).toEqual([account, device])
  // The user renames the row that the message names, and adopts.
  database.exec("update note set slug = 'shopping on the laptop' where id = 2")
  expect(await two.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
  expect(await ownersOf(async (text) => execute(database)(text))).toEqual([account, account])
})

test('clients of other libraries are followed into their transactions', async () => {
  const drizzle = { transaction: async (work: (trx: { id: string }) => Promise<string>) => work({ id: 'drizzle' }) }
  const prisma = {
    $transaction: async (work: ((trx: { id: string }) => Promise<string>) | readonly string[]) =>
      typeof work === 'function' ? work({ id: 'prisma' }) : work.join(' '),
  }
  const [one, other] = [trackTransactions(drizzle), trackTransactions(prisma)]
  expect(await one.client.transaction(async () => (one.transaction() as { id: string }).id)).toBe('drizzle')
  expect(await other.client.$transaction(async () => (other.transaction() as { id: string }).id)).toBe('prisma')
  expect(await other.client.$transaction(['a', 'list'])).toBe('a list')
  expect(() => one.transaction()).toThrow(TypeError)
})

test('a link of a server whose tables are in a schema moves the rows', async () => {
  const app = await onPostgres('accounts')
  const { one, two } = await twoDevices(app)
  expect((await link(two, two.device)).status).toBe(200)
  expect(await ownersOf(app.query)).toEqual([one.device.principal, one.device.principal])
})

test('a table that Better Auth knows by other names is moved by those of the database, and no others', async () => {
  const database = new Sqlite(':memory:')
  onTestFinished(() => void database.close())
  let named = { table: 'note', column: 'owner' }
  const onLink: OnLink = async ({ alias, principal }) => {
    const db: ReownDatabase = { dialect: 'sqlite', execute: execute(database) }
    await reown(db, { from: alias, to: principal, tables: [named] })
  }
  const fields = { owner: { type: 'string', fieldName: 'owner_id' } } as const
  const notes = { id: 'notes', schema: { note: { modelName: 'app_note', fields } } }
  const server = await testServer(
    { plugins: [latchkey({ onLink }), latchkeyJwt(), notes] },
    { database, statements: [] },
  )
  for (const statement of reownTables('sqlite')) database.exec(statement)
  const one = await newPerson(server)
  await one.prove('/sign-up/email', ada)
  await one.session()
  const two = await elsewhere(server, ada)
  await server.adapter.create({ model: 'note', data: { owner: two.device.principal } })
  const owners = async (): Promise<unknown[]> => (await server.rows('note')).map(({ owner }) => owner)
  for (const table of ['note', 'app_note']) {
    named = { table, column: 'owner' }
    const refused = await link(two, two.device)
    expect([refused.status, await codeOf(refused)]).toEqual([409, 'LINK_REFUSED'])
    expect(await owners()).toEqual([two.device.principal])
  }
  named = { table: 'app_note', column: 'owner_id' }
  expect((await link(two, two.device)).status).toBe(200)
  expect(await owners()).toEqual([one.device.principal])
})

test('what a client of Kysely returns is followed into its transactions', async () => {
  const database = new Sqlite(':memory:')
  const { client, transaction } = trackTransactions(new Kysely<object>({ dialect: new SqliteDialect({ database }) }))
  onTestFinished(() => client.destroy())
  const derived = { client, schema: client.withSchema('main'), plugin: client.withPlugin(new CamelCasePlugin()) }
  for (const [name, each] of Object.entries({ ...derived, none: derived.plugin.withoutPlugins() })) {
    const serializable = each.transaction().setIsolationLevel('serializable')
    const found = [each.transaction(), serializable].map((begun) =>
      begun.execute(async (given) => given === transaction()),
    )
    expect([name, ...(await Promise.all(found))]).toEqual([name, true, true])
  }
})
