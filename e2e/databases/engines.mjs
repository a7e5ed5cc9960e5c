// The databases, drivers and adapters on which the battery runs.
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * @typedef {object} Engine
 * @property {string} id
 * @property {string} database as in the table of the docs
 * @property {string} adapter what stands between Better Auth and the database, as in the table of the docs
 * @property {readonly string[]} packages what has to be installed, with versions
 * @property {'postgres' | 'mariadb'} [server] whose address `LATCHKEY_POSTGRES` or `LATCHKEY_MARIADB` names
 * @property {'node@24'} [runtime] the package of another Node
 * @property {boolean} isShared false if only one process can open it
 * @property {true} [isRefused] the plugin refuses it
 * @property {number} [rounds] of each race, if not twelve
 * @property {string} [notes] for the table of the docs
 * @property {() => Promise<string>} create makes an empty database
 * @property {(place: string, options: any) => Promise<{ database: unknown, close(): Promise<void> }>} connect
 * @property {Engine['connect']} [connectTables] as Better Auth makes tables in it, if the adapter cannot
 */

const PG = 'pg@8.23.1'
const SQLITE = 'better-sqlite3@12.11.1'
const KYSELY = 'kysely@0.28.18'
const DRIZZLE = 'drizzle-orm@0.45.4'
const MYSQL = 'mysql2@3.24.6'
const PGLITE = '@electric-sql/pglite@0.5.17'
const PRISMA = ['prisma@7.10.0', '@prisma/client@7.10.0']

const newFolder = () => mkdtempSync(join(tmpdir(), 'latchkey-database-'))
const file = async () => join(newFolder(), 'app.sqlite')
const newName = () => `latchkey_${randomUUID().replaceAll('-', '')}`

async function newPostgres() {
  const { Client } = (await import('pg')).default
  const name = newName()
  const client = new Client({ connectionString: `${process.env['LATCHKEY_POSTGRES']}/postgres` })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  return `${process.env['LATCHKEY_POSTGRES']}/${name}`
}

async function newMariadb() {
  const { createConnection } = await import('mysql2/promise')
  const [name, server] = [newName(), process.env['LATCHKEY_MARIADB'] ?? '']
  const connection = await createConnection(server)
  await connection.query(`create database ${name}`)
  await connection.end()
  return new URL(`/${name}`, server).href
}

/** @param {string} place */
async function openSqlite(place) {
  const { default: Sqlite } = await import('better-sqlite3')
  const database = new Sqlite(place)
  database.pragma('journal_mode = wal')
  return { database, close: async () => void database.close() }
}

/** @param {string} place @param {object} [more] */
async function openPool(place, more = {}) {
  const { Pool } = (await import('pg')).default
  const pool = new Pool({ connectionString: place, max: 10, ...more })
  return { database: pool, close: () => pool.end() }
}

/** @param {string} place @param {object} [more] */
async function openMysql(place, more = {}) {
  const { createPool } = await import('mysql2/promise')
  const pool = createPool({ uri: place, timezone: 'Z', ...more })
  return { database: pool, close: () => pool.end() }
}

/** @param {string} place @param {object} [more] */
async function openMysqlDialect(place, more = {}) {
  const { createPool } = await import('mysql2')
  const { MysqlDialect } = await import('kysely')
  const pool = createPool({ uri: place, timezone: 'Z', ...more })
  const close = async () => void (await pool.promise().end())
  return { database: { dialect: new MysqlDialect({ pool }), type: 'mysql' }, close }
}

/** @param {string} place */
async function openLibsql(place) {
  const { LibsqlDialect, libsql } = await import('@libsql/kysely-libsql')
  const client = libsql.createClient({ url: `file:${place}` })
  // Otherwise a second process gets SQLITE_BUSY at once.
  await client.execute('pragma busy_timeout = 5000')
  return { database: { dialect: new LibsqlDialect({ client }), type: 'sqlite' }, close: async () => client.close() }
}

/** @param {string} place */
async function openKyselyPglite(place) {
  const { PGlite } = await import('@electric-sql/pglite')
  const { KyselyPGlite } = await import('kysely-pglite')
  const client = new PGlite(place)
  return { database: { dialect: new KyselyPGlite(client).dialect, type: 'postgres' }, close: () => client.close() }
}

/**
 * @param {'sqlite' | 'pg' | 'mysql'} provider
 * @param {(place: string, options: any) => Promise<{ db: any, close(): Promise<void> }>} open
 * @param {boolean} [transaction]
 * @returns {Engine['connect']}
 */
function drizzleOver(provider, open, transaction = false) {
  return async (place, options) => {
    const { drizzleAdapter } = await import('better-auth/adapters/drizzle')
    const { drizzleSchema } = await import('./drizzle-schema.mjs')
    const schema = await drizzleSchema(provider, options)
    const { db, close } = await open(place, schema)
    return { database: drizzleAdapter(db, { provider, schema, transaction }), close }
  }
}

/**
 * @param {'sqlite' | 'postgresql'} provider
 * @param {(place: string) => Promise<unknown>} adapterOf
 * @param {boolean} [transaction]
 * @returns {Engine['connect']}
 */
function prismaOver(provider, adapterOf, transaction = false) {
  return async (place, options) => {
    const { prismaAdapter } = await import('better-auth/adapters/prisma')
    const { prismaClient } = await import('./prisma-client.mjs')
    const PrismaClient = await prismaClient(provider, options)
    const client = new PrismaClient({ adapter: await adapterOf(place) })
    return {
      database: prismaAdapter(client, { provider, transaction }),
      close: () => client.$disconnect(),
    }
  }
}

const drizzleSqlite = drizzleOver('sqlite', async (place, schema) => {
  const { drizzle } = await import('drizzle-orm/better-sqlite3')
  const { database, close } = await openSqlite(place)
  return { db: drizzle(database, { schema }), close }
})

/** @type {(transaction: boolean) => Engine['connect']} */
const drizzlePostgres = (transaction) =>
  drizzleOver(
    'pg',
    async (place, schema) => {
      const { drizzle } = await import('drizzle-orm/node-postgres')
      const { database, close } = await openPool(place)
      return { db: drizzle(database, { schema }), close }
    },
    transaction,
  )

const drizzleMysql = drizzleOver('mysql', async (place, schema) => {
  const { drizzle } = await import('drizzle-orm/mysql2')
  const { database, close } = await openMysql(place)
  return { db: drizzle(database, { schema, mode: 'default' }), close }
})

const drizzlePglite = drizzleOver(
  'pg',
  async (place, schema) => {
    const { PGlite } = await import('@electric-sql/pglite')
    const { drizzle } = await import('drizzle-orm/pglite')
    const client = new PGlite(place)
    return { db: drizzle(client, { schema }), close: () => client.close() }
  },
  true,
)

/** @type {readonly Engine[]} */
export const ENGINES = [
  {
    id: 'better-sqlite3',
    database: 'SQLite',
    adapter: 'better-sqlite3',
    packages: [SQLITE],
    isShared: true,
    create: file,
    connect: openSqlite,
  },
  {
    id: 'node-sqlite',
    database: 'SQLite',
    adapter: 'node:sqlite',
    packages: [],
    runtime: 'node@24',
    isShared: true,
    create: file,
    async connect(place) {
      const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
      const database = new DatabaseSync(place)
      database.exec('pragma journal_mode = wal; pragma busy_timeout = 5000')
      return { database, close: async () => database.close() }
    },
  },
  {
    id: 'libsql',
    database: 'libSQL (file)',
    adapter: '`{ dialect }` of @libsql/kysely-libsql',
    packages: ['@libsql/kysely-libsql@0.4.1', KYSELY],
    isShared: true,
    create: file,
    connect: openLibsql,
  },
  {
    id: 'd1',
    database: 'Cloudflare D1 (workerd)',
    adapter: 'D1 binding, through miniflare',
    packages: ['miniflare@4.20260426.0'],
    isShared: false,
    // Its proxy between the threads fails with an assertion after some thousand concurrent calls.
    rounds: 3,
    notes: 'three rounds',
    create: async () => newFolder(),
    async connect(place) {
      const { Miniflare } = await import('miniflare')
      const miniflare = new Miniflare({
        modules: true,
        script: 'export default { fetch: () => new Response(null) }',
        compatibilityDate: '2026-01-01',
        d1Databases: ['DB'],
        d1Persist: place,
      })
      return { database: await miniflare.getD1Database('DB'), close: () => miniflare.dispose() }
    },
  },
  {
    id: 'postgres',
    database: 'PostgreSQL',
    adapter: '`Pool` of pg',
    packages: [PG],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    connect: (place) => openPool(place),
  },
  {
    id: 'postgres-dialect',
    database: 'PostgreSQL',
    adapter: '`{ dialect }` of Kysely over pg',
    packages: [PG, KYSELY],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    async connect(place) {
      const { PostgresDialect } = await import('kysely')
      const { database, close } = await openPool(place)
      return { database: { dialect: new PostgresDialect({ pool: database }), type: 'postgres' }, close }
    },
  },
  {
    id: 'postgres-serializable',
    database: 'PostgreSQL, `default_transaction_isolation = serializable`',
    adapter: '`Pool` of pg',
    packages: [PG],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    connect: (place) => openPool(place, { options: '-c default_transaction_isolation=serializable' }),
  },
  {
    id: 'kysely-pglite',
    database: 'PGlite',
    adapter: '`{ dialect }` of kysely-pglite',
    packages: [PGLITE, 'kysely-pglite@0.6.1', KYSELY],
    isShared: false,
    isRefused: true,
    notes: 'reports 0 rows for every update',
    create: async () => newFolder(),
    connect: openKyselyPglite,
  },
  {
    id: 'mariadb',
    database: 'MariaDB',
    adapter: '`createPool` of mysql2/promise',
    packages: [MYSQL],
    server: 'mariadb',
    isShared: true,
    create: newMariadb,
    connect: (place) => openMysql(place),
  },
  {
    id: 'mariadb-dialect',
    database: 'MariaDB',
    adapter: '`{ dialect }` of Kysely over mysql2',
    packages: [MYSQL, KYSELY],
    server: 'mariadb',
    isShared: true,
    create: newMariadb,
    connect: (place) => openMysqlDialect(place),
  },
  {
    id: 'mariadb-changed-rows',
    database: 'MariaDB',
    adapter: "mysql2 with `flags: ['-FOUND_ROWS']`",
    packages: [MYSQL],
    server: 'mariadb',
    isShared: true,
    isRefused: true,
    notes: 'counts changed rows instead of matched ones',
    create: newMariadb,
    connect: (place) => openMysql(place, { flags: ['-FOUND_ROWS'] }),
  },
  {
    id: 'drizzle-sqlite',
    database: 'SQLite',
    adapter: 'Drizzle over better-sqlite3',
    packages: [DRIZZLE, SQLITE],
    isShared: true,
    create: file,
    connect: drizzleSqlite,
    connectTables: openSqlite,
  },
  {
    id: 'drizzle-postgres',
    database: 'PostgreSQL',
    adapter: 'Drizzle over pg',
    packages: [DRIZZLE, PG],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    connect: drizzlePostgres(false),
    connectTables: (place) => openPool(place),
  },
  {
    id: 'drizzle-postgres-transactions',
    database: 'PostgreSQL',
    adapter: 'Drizzle over pg, `transaction: true`',
    packages: [DRIZZLE, PG],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    connect: drizzlePostgres(true),
    connectTables: (place) => openPool(place),
  },
  {
    id: 'drizzle-mysql',
    database: 'MariaDB',
    adapter: 'Drizzle over mysql2',
    packages: [DRIZZLE, MYSQL],
    server: 'mariadb',
    isShared: true,
    create: newMariadb,
    connect: drizzleMysql,
    connectTables: (place) => openMysql(place),
  },
  {
    id: 'drizzle-pglite',
    database: 'PGlite',
    adapter: 'Drizzle over PGlite, `transaction: true`',
    packages: [DRIZZLE, PGLITE, 'kysely-pglite@0.6.1', KYSELY],
    isShared: false,
    create: async () => newFolder(),
    connect: drizzlePglite,
    connectTables: openKyselyPglite,
  },
  {
    id: 'prisma-sqlite',
    database: 'SQLite',
    adapter: 'Prisma 7 over better-sqlite3',
    packages: [...PRISMA, '@prisma/adapter-better-sqlite3@7.10.0', SQLITE],
    isShared: true,
    create: file,
    connect: prismaOver('sqlite', async (place) => {
      const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3')
      return new PrismaBetterSqlite3({ url: `file:${place}` })
    }),
    connectTables: openSqlite,
  },
  {
    id: 'prisma-postgres',
    database: 'PostgreSQL',
    adapter: 'Prisma 7 over pg, `transaction: true`',
    packages: [...PRISMA, '@prisma/adapter-pg@7.10.0', PG],
    server: 'postgres',
    isShared: true,
    create: newPostgres,
    connect: prismaOver(
      'postgresql',
      async (place) => {
        const { PrismaPg } = await import('@prisma/adapter-pg')
        return new PrismaPg({ connectionString: place })
      },
      true,
    ),
    connectTables: (place) => openPool(place),
  },
]

/** @param {string} id @returns {Promise<Engine>} */
export async function engineNamed(id) {
  const engine = ENGINES.find((one) => one.id === id)
  if (!engine) throw new Error(`no engine is named ${id}`)
  return engine
}
