import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import Sqlite from 'better-sqlite3'
import { type DatabaseConnection, type Dialect, type Driver, PostgresDialect, SqliteDialect } from 'kysely'
import { Pool } from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { latchkey, latchkeyJwt } from '../index.ts'
import { newPostgres, openSqlite } from '../testing/database.testing.ts'
import {
  type Misbehaviour,
  adapterOf,
  countsChangedOnly,
  dropsMilliseconds,
  hidesCodes,
  matchesNoNull,
  movesDates,
} from '../testing/faulty.testing.ts'
import { leave, neverAnswered } from '../../../lib/server/leaving.testing.ts'
import { codeOf, newPerson } from '../testing/requests.testing.ts'
import { BASE_OPTIONS, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')

afterEach(() => vi.restoreAllMocks())

const TABLES = ['latchkeyPrincipal', 'latchkeyKey', 'latchkeyProof', 'latchkeyAudit'] as const

/**
 * Returns rows and no count of changed rows, as the connection of kysely-pglite 0.6.1 does (`dist/pglite-driver.js`):
 * it hands PGlite's result on, whose `affectedRows` Kysely does not know.
 */
function withoutCounts(dialect: Dialect): Dialect {
  const uncounted = (connection: DatabaseConnection): DatabaseConnection => ({
    streamQuery: (query, size) => connection.streamQuery(query, size),
    executeQuery: async (query) => ({ rows: (await connection.executeQuery<never>(query)).rows }),
  })
  const connections = new WeakMap<DatabaseConnection, DatabaseConnection>()
  const driverOf = (driver: Driver): Driver => ({
    init: () => driver.init(),
    async acquireConnection() {
      const real = await driver.acquireConnection()
      const connection = uncounted(real)
      connections.set(connection, real)
      return connection
    },
    beginTransaction: (connection, settings) => driver.beginTransaction(connections.get(connection)!, settings),
    commitTransaction: (connection) => driver.commitTransaction(connections.get(connection)!),
    rollbackTransaction: (connection) => driver.rollbackTransaction(connections.get(connection)!),
    releaseConnection: (connection) => driver.releaseConnection(connections.get(connection)!),
    destroy: () => driver.destroy(),
  })
  return {
    createDriver: () => driverOf(dialect.createDriver()),
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  }
}

/** Ids are numbers that the database gives. */
const SERIAL = { advanced: { ...BASE_OPTIONS.advanced, database: { generateId: 'serial' } } } as const

/** A server whose plugin meets the database for the first time, and what the log says. */
async function serverOn(database: BetterAuthOptions['database'], more: Partial<BetterAuthOptions> = {}) {
  const errors: string[] = []
  const logger = { log: (level: string, line: string) => void (level === 'error' && errors.push(line)) }
  const extra = { logger, onAPIError: { onError: () => {} }, ...more }
  const server = await testServer(extra, { database, statements: [] })
  return { server, errors }
}

async function expectRefused(
  database: BetterAuthOptions['database'],
  why: RegExp,
  more?: Partial<BetterAuthOptions>,
): Promise<void> {
  const { server, errors } = await serverOn(database, more)
  const one = await newPerson(server)
  for (let time = 0; time < 2; time++) {
    const refused = await one.prove('/sign-up/email', ada)
    expect([refused.status, await codeOf(refused)]).toEqual([503, 'DATABASE_UNSUITABLE'])
  }
  expect(errors.filter((line) => line.startsWith('Latchkey cannot'))).toEqual([expect.stringMatching(why)])
  for (const table of ['user', ...TABLES]) expect(await server.rows(table)).toEqual([])
}

/** A migrated SQLite database whose adapter misbehaves. */
async function faulty(change: Misbehaviour): Promise<BetterAuthOptions['database']> {
  const adapter = await adapterOf()
  return () => ({ ...adapter, ...change(adapter) })
}

describe('a database is refused by name', () => {
  test('whose driver counts no changed rows: SQLite', async () => {
    const database = {
      dialect: withoutCounts(new SqliteDialect({ database: new Sqlite(':memory:') })),
      type: 'sqlite' as const,
    }
    await expectRefused(database, /\(kysely\).*changed a row reported 0/)
  })

  test('whose driver counts no changed rows: Postgres', async () => {
    const pool = new Pool({ connectionString: await newPostgres(), max: 2 })
    const database = { dialect: withoutCounts(new PostgresDialect({ pool })), type: 'postgres' as const }
    await expectRefused(database, /\(kysely\).*changed a row reported 0/)
    await pool.end()
  })

  test('that counts a change where there was none', async () => {
    const database = await faulty(() => ({ updateMany: async () => 1 }))
    await expectRefused(database, /matched no row reported 1/)
  })

  test('that does not count a row whose values were equal before', async () => {
    const database = await faulty(countsChangedOnly)
    await expectRefused(database, /equal values reported 0/)
  })

  test('in which a condition on null matches nothing', async () => {
    const database = await faulty(matchesNoNull)
    await expectRefused(database, /condition on null reported 0/)
  })

  test('that returns a time in another time zone', async () => {
    const database = await faulty(movesDates('latchkeyPrincipal', (time) => time + 7_200_000))
    await expectRefused(database, /a date came back 7200 s off\. Store dates in UTC/)
  })

  test('but not one that drops milliseconds', async () => {
    const { server, errors } = await serverOn(await faulty(dropsMilliseconds))
    expect((await (await newPerson(server)).prove('/sign-up/email', ada)).status).toBe(200)
    expect(errors).toEqual([])
  })

  test.each([
    ['latchkeyPrincipal', 'principal'],
    ['latchkeyKey', 'thumbprint'],
    ['latchkeyProof', 'jti'],
    ['latchkeyBackup', 'locator'],
    ['latchkeyAudit', 'act'],
  ])('in which %s.%s is not unique', async (table, column) => {
    const database = new Sqlite(':memory:')
    const auth = betterAuth({ ...BASE_OPTIONS, database, plugins: [latchkey(), latchkeyJwt()] })
    await (await getMigrations(auth.options)).runMigrations()
    const { sql } = database
      .prepare<[string], { sql: string }>('select sql from sqlite_master where name = ?')
      .get(table)!
    database.exec(`drop table "${table}"; ${sql.replace(/ unique/i, '')}`)
    await expectRefused(database, new RegExp(`${table}\\.${column} is not unique`))
  })

  test('that gives the id of a deleted row to the next one', async () => {
    await expectRefused(new Sqlite(':memory:'), /\(kysely\).*id of a deleted row/, SERIAL)
  })

  test('but not one that never reuses ids: AUTOINCREMENT of SQLite', async () => {
    const database = new Sqlite(':memory:')
    const auth = betterAuth({ ...BASE_OPTIONS, ...SERIAL, database, plugins: [latchkey(), latchkeyJwt()] })
    await (await getMigrations(auth.options)).runMigrations()
    const tables = database
      .prepare<[], { name: string; sql: string }>(`select name, sql from sqlite_master where type = 'table'`)
      .all()
    for (const { name, sql } of tables)
      database.exec(`drop table "${name}"; ${sql.replace('not null primary key', 'primary key autoincrement')}`)
    const { server } = await serverOn(database, SERIAL)
    expect((await (await newPerson(server)).prove('/sign-up/email', ada)).status).toBe(200)
  })

  test('but not one that never reuses ids: Postgres', async () => {
    const pool = new Pool({ connectionString: await newPostgres(), max: 2 })
    const { server } = await serverOn(pool, SERIAL)
    expect((await (await newPerson(server)).prove('/sign-up/email', ada)).status).toBe(200)
    await pool.end()
  })

  test('but not while it fails at every row', async () => {
    let isLocked = false
    const database = await faulty((adapter) => ({
      async create(query) {
        if (query.model.startsWith('latchkey') && isLocked) throw new Error('database is locked')
        isLocked = query.model === 'latchkeyAudit' || isLocked
        return adapter.create(query)
      },
    }))
    const { server, errors } = await serverOn(database)
    const refused = await (await newPerson(server)).prove('/sign-up/email', ada)
    expect(refused.status).toBe(500)
    expect(errors.filter((line) => line.startsWith('Latchkey cannot'))).toEqual([])
  })

  test('that refuses a second row for a reason that is not recognised', async () => {
    const database = await faulty(hidesCodes)
    await expectRefused(database, /latchkey\w+\.\w+: a second row is refused for an unknown reason/)
  })
})

test('a suitable database is checked once in each process, in at most twenty statements, and no row is left', async () => {
  const database = openSqlite()
  const server = await testServer({}, database)
  const one = await newPerson(server)
  const cost = async (): Promise<number> => {
    const before = database.statements.length
    expect((await one.browser.send('/latchkey/keys')).status).toBe(401)
    return database.statements.slice(before).filter((statement) => statement.includes('latchkey:probe')).length
  }
  const [first, second] = [await cost(), await cost()]
  console.warn(`the first request asks the database in ${first} statements`)
  expect(first).toBeGreaterThan(9)
  expect([first <= 20, second]).toEqual([true, 0])
  for (const table of TABLES) expect(await server.rows(table)).toEqual([])
  expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
})

test('requests without a proof work where the database is refused', async () => {
  const { server } = await serverOn(await faulty(() => ({ updateMany: async () => 1 })))
  expect((await server.browser().client.signUp.email(ada)).error).toBeNull()
  expect((await server.browser().client.signIn.email(ada)).error).toBeNull()
})

test('a database that fails during the check is checked again', async () => {
  let isDown = true
  const database = await faulty((adapter) => ({
    create: (query) => (isDown ? Promise.reject(new Error('connection lost')) : adapter.create(query)),
  }))
  const { server } = await serverOn(database)
  const one = await newPerson(server)
  expect((await one.prove('/sign-up/email', ada)).status).toBe(500)
  isDown = false
  expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
})

test('a check that died with its request, as in Workers, holds up no other request', async () => {
  const { isAsked, asked } = neverAnswered()
  let isFirst = true
  const { server } = await serverOn(
    await faulty((adapter) => ({
      create(query) {
        if (!isFirst) return adapter.create(query)
        isFirst = false
        return asked()
      },
    })),
  )
  const [one, two] = [await newPerson(server), await newPerson(server)]
  await leave(() => one.prove('/sign-up/email', ada), isAsked)
  expect((await two.prove('/sign-up/email', ada)).status).toBe(200)
})
