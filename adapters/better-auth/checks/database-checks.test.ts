import type { DBAdapter } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { getAuthTables } from 'better-auth/db'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { findFaults, lineOf } from './database-checks.ts'
import { latchkey } from '../index.ts'
import { schema } from '../schema.ts'
import { openPostgres, openSqlite } from '../testing/database.testing.ts'
import {
  type Misbehaviour,
  adapterOf,
  countsChangedOnly,
  dropsMilliseconds,
  hidesCodes,
  keepsHalf,
  matchesNoNull,
  movesDates,
} from '../testing/faulty.testing.ts'
import { BASE_OPTIONS } from '../testing/server.testing.ts'
import { type UserFields, checkUsers, claimsTransactions } from './user-check.ts'

const THOROUGH = { hasIds: false, isThorough: true }
const OWN = Object.keys(schema).filter((model) => model.startsWith('latchkey'))

const fieldsOf = (): UserFields => getAuthTables({ plugins: [latchkey()] })['user']!.fields

async function faultsOf(adapter: DBAdapter): Promise<string[]> {
  return (await findFaults(adapter, THOROUGH)).map((fault) => `${fault.level}: ${lineOf(fault)}`)
}

async function expectNoRows(adapter: DBAdapter): Promise<void> {
  for (const model of ['user', ...OWN]) expect([model, await adapter.count({ model })]).toEqual([model, 0])
}

describe('a suitable database has no fault and no row afterwards', () => {
  test.each([
    ['SQLite', async () => openSqlite(), true],
    ['Postgres', () => openPostgres(true), true],
    ['Postgres without transactions', () => openPostgres(false), false],
  ])('%s', async (_, open, hasTransactions) => {
    const database = await open()
    const adapter = await adapterOf(database)
    expect(await faultsOf(adapter)).toEqual([])
    expect(await checkUsers(adapter, fieldsOf())).toEqual({ faults: [], rollsBack: hasTransactions })
    expect(claimsTransactions(adapter)).toBe(hasTransactions)
    await expectNoRows(adapter)
    await database.close()
  })
})

describe('a fault is named in one line, with what to do:', () => {
  async function faultsWith(misbehaviour: Misbehaviour): Promise<string[]> {
    const adapter = await adapterOf()
    const faults = await faultsOf({ ...adapter, ...misbehaviour(adapter) })
    await expectNoRows(adapter)
    return faults
  }

  test('an update is not counted', async () => {
    const remedy = 'Use a driver or adapter that counts the rows that an update matched.'
    const faults = await faultsWith((adapter) => ({
      updateMany: async (query) => {
        await adapter.updateMany(query)
        return 0
      },
    }))
    expect(faults).toEqual([`problem: an update that changed a row reported 0 rows. ${remedy}`])
    expect(await faultsWith(() => ({ updateMany: async () => 1 }))).toEqual([
      `problem: an update that matched no row reported 1 rows. ${remedy}`,
    ])
  })

  test('an update to equal values is not counted', async () => {
    expect(await faultsWith(countsChangedOnly)).toEqual([
      'problem: an update to equal values reported 0 rows. Make the driver count the rows that matched, not those that changed: in mysql2, leave the flag FOUND_ROWS on.',
    ])
  })

  test('a condition on null matches nothing', async () => {
    expect(await faultsWith(matchesNoNull)).toEqual([
      'problem: an update with a condition on null reported 0 rows. Use an adapter that compares null with IS NULL.',
    ])
  })

  test('the error of a second row is not recognised', async () => {
    const faults = await faultsWith(hidesCodes)
    expect(faults).toHaveLength(OWN.length)
    expect(faults[2]).toBe(
      "problem: latchkeyProof.jti: a second row is refused for an unknown reason. Use a driver that passes on the database's error code: this one hides that the value already exists.",
    )
  })

  test('dates lose their milliseconds, or come back as another time', async () => {
    expect(await faultsWith(dropsMilliseconds)).toEqual([
      'warning: a date came back 123 ms off. Use date columns with milliseconds, such as timestamp(3) or datetime(3): otherwise the order of rows within a second is random.',
    ])
    const remedy = 'Store dates in UTC: set the same time zone, such as Z, in the driver and the database.'
    expect(await faultsWith(movesDates('latchkeyPrincipal', (time) => time + 7_200_000))).toEqual([
      `problem: a date came back 7200 s off. ${remedy}`,
    ])
    expect(await faultsWith(movesDates('latchkeyPrincipal', () => Number.NaN))).toEqual([
      `problem: a date did not come back. ${remedy}`,
    ])
  })

  test.each(OWN)('a column of %s is not unique', async (table) => {
    const [column] = Object.entries(schema[table]!.fields).find(([, field]) => field.unique)!
    const database = new Sqlite(':memory:')
    const adapter = await adapterOf({ database })
    dropUnique(database, table)
    expect(await faultsOf(adapter)).toEqual([
      `problem: ${table}.${column} is not unique. Add a unique index to this column.`,
    ])
    await expectNoRows(adapter)
  })

  test('the memory adapter keeps no column unique: a warning for each', async () => {
    const tables = getAuthTables({ plugins: [latchkey()] })
    const store = Object.fromEntries(Object.keys(tables).map((name) => [name, []]))
    const adapter = memoryAdapter(store)({ ...BASE_OPTIONS, plugins: [latchkey()] }) as unknown as DBAdapter
    const faults = await faultsOf(adapter)
    expect(faults).toHaveLength(OWN.length)
    for (const fault of faults) expect(fault).toMatch(/^warning: latchkey\w+\.\w+ is not unique\./)
  })
})

function dropUnique(database: Sqlite.Database, table: string, column = ''): void {
  const { sql } = database
    .prepare<[string], { sql: string }>('select sql from sqlite_master where name = ?')
    .get(table)!
  database.exec(`drop table "${table}"; ${sql.replace(new RegExp(`(${column}.*?) unique`, 'i'), '$1')}`)
}

describe('users', () => {
  test('two with one principal are a problem, and neither stays', async () => {
    for (const transaction of [true, false]) {
      const database = new Sqlite(':memory:')
      const adapter = await adapterOf({ database })
      dropUnique(database, 'user', '"principal" text')
      const found = await checkUsers({ ...adapter, ...(transaction ? {} : keepsHalf(adapter)) }, fieldsOf())
      expect(found.faults.map((fault) => `${fault.level}: ${lineOf(fault)}`)).toEqual([
        'problem: user.principal is not unique. Add a unique index to this column.',
      ])
      await expectNoRows(adapter)
    }
  })

  test('whose table has a column that Better Auth does not know are a warning, and none stays', async () => {
    const database = new Sqlite(':memory:')
    const adapter = await adapterOf({ database })
    const { sql } = database.prepare<[], { sql: string }>(`select sql from sqlite_master where name = 'user'`).get()!
    database.exec(`drop table "user"; ${sql.replace(/\)$/, ', "tenant" text not null)')}`)
    const { faults, rollsBack } = await checkUsers(adapter, fieldsOf())
    expect(faults.map((fault) => `${fault.level}: ${lineOf(fault)}`)).toEqual([
      expect.stringMatching(
        /^warning: user\.principal could not be checked, .*NOT NULL.*\)\. Make sure that the database has a unique index/,
      ),
    ])
    expect(rollsBack).toBeUndefined()
    await expectNoRows(adapter)
  })

  test('with required fields of the app are created with values of their types', async () => {
    const additionalFields = {
      tenant: { type: 'string', required: true, unique: true },
      level: { type: 'number', required: true },
      plan: { type: ['free', 'paid'], required: true },
      since: { type: 'date', required: true },
      tags: { type: 'string[]', required: true },
    } as const
    const options = { user: { additionalFields: { ...additionalFields } } } as never
    const adapter = await adapterOf(openSqlite(), options)
    const { fields } = getAuthTables({ user: { additionalFields } as never, plugins: [latchkey()] })['user']!
    expect(await checkUsers(adapter, fields)).toEqual({ faults: [], rollsBack: true })
    await expectNoRows(adapter)
  })

  test('that stay after a failed transaction show that it does not roll back', async () => {
    const adapter = await adapterOf()
    expect(await checkUsers({ ...adapter, ...keepsHalf(adapter) }, fieldsOf())).toEqual({
      faults: [],
      rollsBack: false,
    })
    await expectNoRows(adapter)
  })
})
