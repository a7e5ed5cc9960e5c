import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'
import { isAbsence } from './absence.ts'
import { schema } from '../schema.ts'
import { type TestDatabase, openPostgres, openSqlite } from '../testing/database.testing.ts'
import { AUDIENCE, BASE_OPTIONS, ORIGIN, person } from '../testing/server.testing.ts'

const ada = person('ada')

/** An app whose users signed up before Latchkey was installed, and whose database was not migrated since. */
async function unmigratedApp(open: TestDatabase) {
  const before = betterAuth({ ...BASE_OPTIONS, database: open.database })
  await (await getMigrations(before.options)).runMigrations()
  await before.api.signUpEmail({ body: ada })
  const lines: string[] = []
  const auth = betterAuth({
    ...BASE_OPTIONS,
    database: open.database,
    logger: { level: 'warn', log: (_, message) => void (message.includes('Latchkey') && lines.push(message)) },
    plugins: [latchkey(), latchkeyJwt()],
  })
  await auth.$context
  const send = (path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> =>
    auth.handler(
      new Request(`${AUDIENCE}${path}`, {
        headers: { origin: ORIGIN, 'content-type': 'application/json', ...headers },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      }),
    )
  const migrate = async (): Promise<void> => (await getMigrations({ ...auth.options })).runMigrations()
  return { auth, lines, send, migrate }
}

const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')

const proofOf = async (): Promise<Record<string, string>> => {
  const device = await testDevice()
  return { 'x-latchkey-proof': await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }
}

test.each([
  ['SQLite', async () => openSqlite()],
  ['Postgres', () => openPostgres(true)],
  ['Postgres without transactions', () => openPostgres(false)],
] as const)(
  '%s: an unmigrated database is reported in one sentence, and earlier routes keep working (checklist 36: before the migration)',
  async (_, open) => {
    const database = await open()
    const { lines, send, migrate } = await unmigratedApp(database)
    expect(lines).toEqual([
      'Latchkey is off: its tables or columns are missing from the database. Run npx latchkey migrate --auth <file>.',
    ])
    const signIn = await send('/sign-in/email', ada)
    expect(signIn.status).toBe(200)
    const cookie = cookiesOf(signIn)
    expect(await (await send('/get-session', undefined, { cookie })).json()).toMatchObject({
      user: { email: ada.email },
    })
    expect((await send('/sign-up/email', person('grace'))).status).toBe(200)
    expect((await send('/update-user', { name: 'Countess' }, { cookie })).status).toBe(200)
    // What needs the tables is refused, and nothing is half done.
    for (const response of [
      await send('/latchkey/session', undefined, { cookie }),
      await send('/sign-up/email', person('eve'), await proofOf()),
    ]) {
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ code: 'DATABASE_NOT_MIGRATED' })
    }
    expect((await send('/sign-out', {}, { cookie })).status).toBe(200)
    expect(lines).toHaveLength(1)

    await migrate()
    const [withProof, session] = [
      await send('/sign-up/email', person('eve'), await proofOf()),
      await send('/latchkey/session'),
    ]
    expect([withProof.status, session.status]).toEqual([200, 200])
    expect((await withProof.json()) as object).toMatchObject({ user: { email: 'eve@example.com' } })
    await database.close()
  },
)

test('a database that fails otherwise is not taken for an unmigrated one: nothing is switched off', async () => {
  const database = openSqlite()
  const { auth, migrate } = await unmigratedApp(database)
  await migrate()
  const { adapter } = await auth.$context
  const locked: typeof adapter.findOne = (query) =>
    query.where[0]?.value === '' ? Promise.reject(new Error('lock timeout')) : adapter.findOne(query)
  const server = betterAuth({ ...auth.options, database: () => ({ ...adapter, findOne: locked }) })
  const response = await server.handler(
    new Request(`${AUDIENCE}/sign-up/email`, {
      method: 'POST',
      headers: { origin: ORIGIN, 'content-type': 'application/json', ...(await proofOf()) },
      body: JSON.stringify(person('grace')),
    }),
  )
  expect(response.status).toBe(200)
  const users = await adapter.findMany<{ email: string; principal: string | null }>({ model: 'user' })
  expect(users.find(({ email }) => email === 'grace@example.com')?.principal).toMatch(/^[0-9a-f-]{36}$/)
  await database.close()
})

/** The first condition of a check of a table is for a unique column, which no row has empty. */
const isCheck = ({ where }: Query): boolean => where[0]?.value === ''

interface Query {
  readonly model: string
  readonly where: readonly { readonly field: string; readonly value: unknown }[]
}

/** An unmigrated app, or a migrated one, whose database rejects the reads for which `fails` returns true. */
async function failingApp(fails: (query: Query) => boolean, isMigrated = false) {
  const database = openSqlite()
  const { auth: other, migrate } = await unmigratedApp(database)
  if (isMigrated) await migrate()
  const { adapter } = await other.$context
  const checks: Query[] = []
  const findOne: typeof adapter.findOne = (query) => {
    if (isCheck(query)) checks.push(query)
    return fails(query) ? Promise.reject(new Error('no connection')) : adapter.findOne(query)
  }
  const lines: string[] = []
  const auth = betterAuth({
    ...other.options,
    logger: { level: 'warn', log: (_, message) => void (message.includes('Latchkey') && lines.push(message)) },
    database: () => ({ ...adapter, findOne }),
  })
  await auth.$context
  const statusOf = async (path: string, body?: object): Promise<number> => {
    const headers = { origin: ORIGIN, 'content-type': 'application/json' }
    const init = { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) }
    return (await auth.handler(new Request(`${AUDIENCE}${path}`, init))).status
  }
  return { database, lines, checks, migrate, statusOf }
}

describe('a check that the database does not answer changes nothing', () => {
  test('the plugin stays off while the tables are missing', async () => {
    const state = { isDown: false }
    const { database, lines, statusOf } = await failingApp((query) => state.isDown && isCheck(query))
    state.isDown = true
    expect(await statusOf('/sign-in/email', ada)).toBe(200)
    expect(await statusOf('/latchkey/session')).toBe(503)
    state.isDown = false
    expect(await statusOf('/sign-in/email', ada)).toBe(200)
    expect(lines).toHaveLength(1)
    await database.close()
  })

  test('after a start without an answer, the plugin is switched off as soon as there is one', async () => {
    const state = { isDown: true }
    const { database, lines, statusOf } = await failingApp((query) => state.isDown && isCheck(query))
    expect(lines).toEqual([])
    state.isDown = false
    expect(await statusOf('/sign-in/email', ada)).toBe(200)
    expect(await statusOf('/latchkey/session')).toBe(503)
    expect(lines).toHaveLength(1)
    await database.close()
  })
})

describe('an ORM that refuses null for a required column, as Prisma does, answers the check', () => {
  const refusesNull = ({ model, where }: Query): boolean =>
    where.some(({ field, value }) => value === null && schema[model]?.fields[field]?.required === true)

  test('at the start of a migrated app, once', async () => {
    const { database, checks, statusOf } = await failingApp(refusesNull, true)
    expect(checks.map(({ model }) => model).sort()).toEqual(Object.keys(schema).sort())
    expect(await statusOf('/sign-in/email', ada)).toBe(200)
    expect(await statusOf('/latchkey/session')).toBe(200)
    expect(checks).toHaveLength(Object.keys(schema).length)
    await database.close()
  })

  test('after the migration of an app that started before', async () => {
    const { database, migrate, statusOf } = await failingApp(refusesNull)
    expect(await statusOf('/latchkey/session')).toBe(503)
    await migrate()
    expect(await statusOf('/latchkey/session')).toBe(200)
    await database.close()
  })
})

const failure = (members: object, message = 'the driver says so'): Error => Object.assign(new Error(message), members)

describe('a missing table or column is distinguished from every other failure', () => {
  test.each<[string, unknown]>([
    ['a table, Postgres', failure({ code: '42P01' })],
    ['a column, Postgres', failure({ code: '42703' })],
    ['a table, MySQL', failure({ errno: 1146, code: 'ER_NO_SUCH_TABLE' })],
    ['a column, MySQL', failure({ errno: 1054, code: 'ER_BAD_FIELD_ERROR' })],
    ['a table, SQL Server', failure({ number: 208 })],
    ['a column, SQL Server', failure({ number: 207 })],
    ['a table, Prisma', failure({ code: 'P2021' })],
    ['a column, Prisma', failure({ code: 'P2022' })],
    ['a table, SQLite', failure({ code: 'SQLITE_ERROR' }, 'no such table: latchkeyKey')],
    ['a column, SQLite', failure({ code: 'SQLITE_ERROR' }, 'no such column: principal')],
    ["a model of an ORM's schema", new Error('[Drizzle] The model "latchkeyKey" was not found in the schema object')],
    ['a cause', failure({ cause: failure({ code: '42P01' }) })],
    ['a cause of a cause', failure({ cause: failure({ cause: failure({ errno: 1054 }) }) })],
  ])('%s', (_, error) => {
    expect(isAbsence(error)).toBe(true)
  })

  test.each<[string, unknown]>([
    ['a locked database, SQLite', failure({ code: 'SQLITE_BUSY' }, 'database is locked')],
    ['a read-only database, SQLite', failure({ code: 'SQLITE_READONLY' })],
    ['a lock timeout, MySQL', failure({ errno: 1205 })],
    ['a deadlock, SQL Server', failure({ number: 1205 })],
    ['a role without the right, Postgres', failure({ code: '42501' }, 'permission denied for table latchkeyKey')],
    ['too many connections, Postgres', failure({ code: '53300' })],
    ['a server that shuts down, Postgres', failure({ code: '57P01' })],
    ['a statement that took too long, Postgres', failure({ code: '57014' })],
    ['no connection', failure({ code: 'ECONNREFUSED' })],
    ['a pool that is used up, Prisma', failure({ code: 'P2024' })],
    ['an unrelated cause', failure({ cause: failure({ code: 'ECONNRESET' }) })],
    ['something that is no error', { code: '42P01' }],
    ['nothing', undefined],
  ])('not %s', (_, error) => {
    expect(isAbsence(error)).toBe(false)
  })
})
