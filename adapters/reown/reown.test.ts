import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLatchkeyError } from '../../lib/index.ts'
import { hasErrorCode, repeatOnConflict } from '../../lib/server-kit.ts'
import { type Connection, onEachEngine, openSqlite } from './databases.testing.ts'
import { isReownConflict, pruneReowned, reown, undoReown } from './index.ts'

const DAY = 86_400_000
const MOVE = { from: 'device', to: 'account' }
const NOTES = { ...MOVE, tables: [{ table: 'note', column: 'owner' }] }

const textType = ({ dialect }: Connection): string => (dialect === 'mysql' ? 'varchar(60)' : 'text')

/** Notes of the device (1, 2), of the account (3) and of another user (4). */
async function notes(db: Connection, more = 'unique (owner, slug)'): Promise<void> {
  const text = textType(db)
  await db.execute(
    `create table note (id integer not null primary key, owner ${text}, slug ${text}, body ${text}, ${more})`,
  )
  const rows = [
    [1, 'device', 'a'],
    [2, 'device', 'b'],
    [3, 'account', 'c'],
    [4, 'other', 'a'],
  ]
  for (const [id, owner, slug] of rows)
    await db.execute(`insert into note (id, owner, slug, body) values (${id}, '${owner}', '${slug}', 'text ${id}')`)
}

async function ownersOf(db: Connection): Promise<Record<number, string>> {
  const rows = await db.execute('select id, owner from note order by id')
  return Object.fromEntries(rows.map(({ id, owner }) => [id, owner]))
}

async function journalSize(db: Connection): Promise<number> {
  const [entries] = await db.execute(`select count(*) as n from ${db.quote('latchkeyReown')}`)
  const [rows] = await db.execute(`select count(*) as n from ${db.quote('latchkeyReownRow')}`)
  return Number(entries!['n']) + Number(rows!['n'])
}

async function expectUnsuitable(db: Connection, options: Parameters<typeof reown>[1], reason: string): Promise<void> {
  const error = await db.transaction(() => reown(db, options)).catch((thrown: unknown) => thrown)
  expect(isLatchkeyError(error, 'REOWN_TABLE_UNSUITABLE'), String(error)).toBe(true)
  expect(String(error)).toContain(reason)
}

onEachEngine((open, engine) => {
  const isSqlite = engine === 'SQLite'
  const isPostgres = engine === 'Postgres'

  test.runIf(isSqlite)(
    'two moves at once on one connection: the refusal of one undoes nothing of the other',
    async () => {
      const db = await open()
      await notes(db)
      // Fails late: in the update.
      await db.execute(
        "create trigger kept before update on note when old.owner = 'other' begin select raise(abort, 'kept'); end",
      )
      const refused = reown(db, { ...NOTES, from: 'other' })
      const moved = reown(db, NOTES)
      await expect(refused).rejects.toThrow('kept')
      expect(await moved).toEqual({ note: 2 })
      expect(await ownersOf(db)).toEqual({ 1: 'account', 2: 'account', 3: 'account', 4: 'other' })
      expect(await Promise.all([undoReown(db, MOVE), undoReown(db, MOVE)])).toEqual([
        { returned: { note: 2 }, kept: {} },
        { returned: {}, kept: {} },
      ])
      expect(await journalSize(db)).toBe(0)
    },
  )

  describe('a move', () => {
    test('reports its rows by table, and is undone', async () => {
      const db = await open()
      await notes(db)
      expect(await db.transaction(() => reown(db, NOTES))).toEqual({ note: 2 })
      expect(await ownersOf(db)).toEqual({ 1: 'account', 2: 'account', 3: 'account', 4: 'other' })
      expect(await db.transaction(() => reown(db, NOTES))).toEqual({})
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: { note: 2 }, kept: {} })
      expect(await ownersOf(db)).toEqual({ 1: 'device', 2: 'device', 3: 'account', 4: 'other' })
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: {}, kept: {} })
      expect(await journalSize(db)).toBe(0)
    })

    test('finds the columns that reference a table of principals, and those that follow them', async () => {
      const db = await open()
      const text = textType(db)
      await db.execute(`create table principals (principal ${text} not null primary key)`)
      for (const one of ['device', 'account', 'other']) await db.execute(`insert into principals values ('${one}')`)
      await notes(db, 'unique (owner, id), foreign key (owner) references principals (principal)')
      await db.execute(`create table remark (
        id integer not null primary key, author ${text}, note integer, note_owner ${text},
        foreign key (author) references principals (principal),
        foreign key (note_owner, note) references note (owner, id) on update cascade)`)
      await db.execute("insert into remark values (1, 'account', 1, 'device'), (2, 'device', 4, 'other')")
      const options = { ...MOVE, foreignKeysTo: { table: 'principals', column: 'principal' } }
      expect(await db.transaction(() => reown(db, options))).toEqual({ note: 2, remark: 2 })
      const remarks = () => db.execute('select author, note_owner from remark order by id')
      expect(await remarks()).toEqual([
        { author: 'account', note_owner: 'account' },
        { author: 'account', note_owner: 'other' },
      ])
      expect(await db.execute('select principal from principals order by principal')).toHaveLength(3)
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: { note: 2, remark: 2 }, kept: {} })
      expect(await remarks()).toEqual([
        { author: 'account', note_owner: 'device' },
        { author: 'device', note_owner: 'other' },
      ])
    })

    test('moves and returns rows of every type of column, in sessions that write them differently', async () => {
      const db = await open()
      const second = await db.another()
      const [device, account] = ['4b1f0c2e-6a55-8d3a-9e71-0c5ad1f0b7aa', '9d1f0c2e-6a55-8d3a-9e71-0c5ad1f0b7aa']
      const columns = {
        sqlite: 'owner text, a real, b blob, c numeric, d integer generated always as (length(owner)) virtual',
        postgres: `owner uuid, a timestamptz, b bytea, c numeric, d text generated always as (owner::text || 'x') stored,
          e json, f text[], g date, h double precision, i timestamp`,
        mysql: `owner varchar(36), a timestamp(3), b varbinary(20), c decimal(9, 3),
          d varchar(40) generated always as (concat(owner, 'x')) stored, e json, f bit(3), g date, h double`,
      }[db.dialect]
      const key = { sqlite: 'blob', postgres: 'timestamptz', mysql: 'binary(4)' }[db.dialect]
      await db.execute(`create table zoo (k ${key} not null, n integer not null, ${columns}, primary key (k, n))`)
      const values = {
        sqlite: `x'00ff', 1, '${device}', 1.1, x'0001', 12.50`,
        postgres: `'2026-03-29 01:30:00+00', 1, '${device}', '2026-10-25 01:30:00+00', '\\x0001', 12.50, '{"a": 1}',
          array['a', null, 'b,c'], '2026-03-29', 0.1, '2026-03-29 02:30:00'`,
        mysql: `x'00ff0000', 1, '${device}', '2026-10-25 01:30:00', x'0001ff', 12.5, '{"a": 1}', b'101', '2026-03-29', 0.1`,
      }[db.dialect]
      const names = {
        sqlite: 'k, n, owner, a, b, c',
        postgres: 'k, n, owner, a, b, c, e, f, g, h, i',
        mysql: 'k, n, owner, a, b, c, e, f, g, h',
      }
      await db.execute(`insert into zoo (${names[db.dialect]}) values (${values}), (${values.replace(', 1,', ', 2,')})`)
      const settings = {
        sqlite: [],
        postgres: ["set timezone = 'Asia/Kathmandu'", "set datestyle = 'German'", "set bytea_output = 'escape'"],
        mysql: ["set time_zone = '+05:45'", 'set names latin1'],
      }
      const before = await db.execute('select * from zoo order by n')
      const move = { from: device, to: account }
      expect(await db.transaction(() => reown(db, { ...move, tables: [{ table: 'zoo', column: 'owner' }] }))).toEqual({
        zoo: 2,
      })
      await db.execute('update zoo set c = c + 1 where n = 2')
      for (const setting of settings[db.dialect]) await second.execute(setting)
      expect(await second.transaction(() => undoReown(second, move))).toEqual({
        returned: { zoo: 1 },
        kept: { zoo: 1 },
      })
      expect((await db.execute('select * from zoo order by n'))[0]).toEqual(before[0])
    })

    test('takes as many statements for a thousand rows as for two', async () => {
      const db = await open()
      await notes(db, 'unique (owner, id)')
      const countStatements = async (): Promise<number> => {
        db.statements.length = 0
        await db.transaction(() => reown(db, NOTES))
        await db.transaction(() => undoReown(db, MOVE))
        return db.statements.length
      }
      const few = await countStatements()
      const values = Array.from({ length: 1000 }, (_, at) => `(${at + 10}, 'device', 'slug', 'body')`)
      await db.execute(`insert into note (id, owner, slug, body) values ${values.join(', ')}`)
      expect(await countStatements()).toBe(few)
      expect(await db.transaction(() => reown(db, NOTES))).toEqual({ note: 1002 })
    })
  })

  describe('a conflict', () => {
    test('names both rows, changes nothing, and leaves the transaction usable', async () => {
      const db = await open()
      await notes(db)
      await db.execute("insert into note (id, owner, slug) values (5, 'account', 'b')")
      const error = await db.transaction(async () => {
        const thrown = await reown(db, NOTES).catch((one: unknown) => one)
        await db.execute("insert into note (id, owner, slug) values (6, 'other', 'z')")
        return thrown
      })
      if (!isReownConflict(error)) throw error
      expect(error.conflicts).toEqual([
        {
          table: 'note',
          index: expect.stringContaining(isSqlite ? 'autoindex' : 'owner'),
          row: { id: 2 },
          other: { id: 5 },
        },
      ])
      expect(await ownersOf(db)).toEqual({
        1: 'device',
        2: 'device',
        3: 'account',
        4: 'other',
        5: 'account',
        6: 'other',
      })
      expect(await journalSize(db)).toBe(0)
    })

    test('in an index with an expression or a condition is found, and no other', async () => {
      if (engine === 'MariaDB') return
      const db = await open()
      await notes(db, 'unique (id, owner)')
      await db.execute('create unique index folded on note (owner, lower(slug))')
      await db.execute("create unique index first on note (owner) where body = 'first'")
      await db.execute("update note set body = 'first' where id = 1")
      // Equal to a note of the device, but not covered by the second index.
      await db.execute("insert into note (id, owner, slug, body) values (5, 'account', 'x', 'second')")
      expect(await db.transaction(() => reown(db, NOTES))).toEqual({ note: 2 })
      await db.transaction(() => undoReown(db, MOVE))
      await db.execute("insert into note (id, owner, slug, body) values (6, 'account', 'B', 'first')")
      const error = await db.transaction(() => reown(db, NOTES).catch((thrown: unknown) => thrown))
      if (!isReownConflict(error)) throw error
      // SQLite does not tell what its index is made of.
      const pairs = error.conflicts.map(({ index, row, other }) => [index, row['id'], other['id']])
      expect(pairs).toEqual(
        isPostgres
          ? [
              ['first', 1, 6],
              ['folded', 2, 6],
            ]
          : [],
      )
      expect(await ownersOf(db)).toMatchObject({ 1: 'device', 2: 'device', 6: 'account' })
      expect(await journalSize(db)).toBe(0)
    })

    test('that only the database knows of leaves nothing either, in a transaction that goes on', async () => {
      if (engine === 'MariaDB') return
      const db = await open()
      await notes(db, 'unique (id, owner)')
      await db.execute('create unique index folded on note (lower(owner), slug)')
      await db.execute("update note set slug = 'a' where id = 3")
      const error = await db.transaction(async () => {
        const thrown = await reown(db, NOTES).catch((one: unknown) => one)
        await db.execute("insert into note (id, owner, slug) values (6, 'other', 'z')")
        return thrown
      })
      if (!isReownConflict(error)) throw error
      expect([error.conflicts, error.cause instanceof Error]).toEqual([[], true])
      expect(await ownersOf(db)).toEqual({ 1: 'device', 2: 'device', 3: 'account', 4: 'other', 6: 'other' })
      expect(await journalSize(db)).toBe(0)
    })
  })

  describe('refused is', () => {
    test('a table without a primary key, or without the column', async () => {
      const db = await open()
      await db.execute(`create table keyless (id integer, owner ${textType(db)})`)
      await notes(db)
      const only = (table: string, column: string) => ({ ...MOVE, tables: [{ table, column }] })
      await expectUnsuitable(db, only('keyless', 'owner'), 'keyless: it has no primary key')
      await expectUnsuitable(db, only('note', 'nobody'), 'note: there is no column nobody')
      await expectUnsuitable(db, only('nothing"; drop table note; --', 'owner'), 'there is no column owner')
      if (isSqlite) {
        await db.execute('create table loose (id text primary key, owner text)')
        await db.execute("insert into loose values (null, 'device'), (null, 'device')")
        await expectUnsuitable(db, only('loose', 'owner'), 'loose: a row has null in its primary key')
      }
      if (engine === 'MariaDB') {
        await db.execute('create table `what?` (id integer primary key, owner varchar(60))')
        await expectUnsuitable(db, only('what?', 'owner'), 'what?: the name has a question mark')
      }
      expect(await ownersOf(db)).toMatchObject({ 1: 'device' })
    })

    test('a connection without a transaction', async () => {
      const db = await open()
      await notes(db)
      const moved = reown(db, NOTES)
      // One statement after another on the one connection: a savepoint of SQLite is a transaction.
      if (isSqlite) return expect(await moved).toEqual({ note: 2 })
      await expect(moved).rejects.toThrow('expected a connection with an open transaction')
      expect(await ownersOf(db)).toMatchObject({ 1: 'device' })
      await expect(undoReown(db, MOVE)).rejects.toThrow(TypeError)
    })

    test('a database without the journal', async () => {
      const db = await open()
      await notes(db)
      await db.execute(`drop table ${db.quote('latchkeyReown')}`)
      const error = await db.transaction(() => reown(db, NOTES)).catch((thrown: unknown) => thrown)
      expect(isLatchkeyError(error, 'DATABASE_NOT_MIGRATED'), String(error)).toBe(true)
      expect(await ownersOf(db)).toMatchObject({ 1: 'device' })
    })

    test('what is no move', async () => {
      const db = await open()
      const tables = NOTES.tables
      await expect(reown(db, { from: '', to: 'account', tables })).rejects.toThrow(TypeError)
      await expect(reown(db, { from: 'account', to: 'account', tables })).rejects.toThrow(TypeError)
      await expect(reown(db, { ...MOVE, to: 3 as unknown as string, tables })).rejects.toThrow(TypeError)
      await expect(reown(db, { ...MOVE, tables: [] })).rejects.toThrow('expected tables or foreignKeysTo')
      const other = { ...db, dialect: 'oracle' as unknown as 'mysql' }
      await expect(reown(other, NOTES)).rejects.toThrow("expected 'postgres', 'sqlite' or 'mysql'")
    })
  })

  describe('an undo', () => {
    test('keeps what was changed, deleted, given on, or has no place', async () => {
      const db = await open()
      await notes(db)
      for (const id of [5, 6, 7])
        await db.execute(`insert into note (id, owner, slug) values (${id}, 'device', 'slug ${id}')`)
      await db.transaction(() => reown(db, NOTES))
      await db.execute("update note set body = 'edited' where id = 1")
      await db.execute('delete from note where id = 2')
      await db.execute("update note set owner = 'other' where id = 5")
      await db.execute("insert into note (id, owner, slug) values (8, 'device', 'slug 6')")
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: { note: 1 }, kept: { note: 4 } })
      expect(await ownersOf(db)).toEqual({
        1: 'account',
        3: 'account',
        4: 'other',
        5: 'other',
        6: 'account',
        7: 'device',
        8: 'device',
      })
      expect(await journalSize(db)).toBe(0)
    })

    test.runIf(isSqlite || isPostgres)('keeps a table whose place only the database knows to be taken', async () => {
      const db = await open()
      await notes(db)
      await db.execute('create table list (id integer primary key, owner text, isDefault integer)')
      const [index, constraint] = [
        'create unique index one_default on list (owner) where isDefault = 1',
        'alter table list add constraint one_default exclude (owner with =) where (isDefault = 1)',
      ]
      await db.execute(isSqlite ? index : constraint)
      await db.execute("insert into list values (1, 'device', 1), (2, 'device', 0)")
      const tables = [...NOTES.tables, { table: 'list', column: 'owner' }]
      await db.transaction(() => reown(db, { ...MOVE, tables }))
      await db.execute("insert into list values (3, 'device', 1)")
      const undone = await db.transaction(() => undoReown(db, MOVE))
      expect(undone).toEqual({ returned: { note: 2 }, kept: { list: 2 } })
      expect(await ownersOf(db)).toMatchObject({ 1: 'device', 2: 'device' })
      const lists = await db.execute('select owner from list order by id')
      expect(lists.map(({ owner }) => owner)).toEqual(['account', 'account', 'device'])
      expect(await journalSize(db)).toBe(0)
      const again = db.transaction(() => reown(db, { ...MOVE, tables }))
      await expect(again).rejects.toMatchObject({ code: 'REOWN_CONFLICT', conflicts: [] })
    })

    test('keeps rows together whose foreign keys contain their owner', async () => {
      const db = await open()
      await notes(db, 'unique (owner, id)')
      await db.execute(`create table remark (id integer not null primary key, owner ${textType(db)}, note integer,
        foreign key (owner, note) references note (owner, id) on update cascade)`)
      await db.execute("insert into remark values (1, 'device', 1)")
      await db.transaction(() => reown(db, NOTES))
      await db.execute("insert into remark values (2, 'account', 2)")
      const undone = await db.transaction(() => undoReown(db, MOVE))
      expect(undone).toEqual({ returned: {}, kept: { note: 2, remark: 1 } })
      expect(await ownersOf(db)).toMatchObject({ 1: 'account', 2: 'account' })
    })

    test('does not take for a change what a trigger does with the move, nor a new column', async () => {
      const db = await open()
      await notes(db)
      if (isPostgres) {
        await db.execute(`create function stamp() returns trigger language plpgsql as
          $$ begin new.body := 'stamped'; return new; end $$`)
        await db.execute('create trigger stamp before update on note for each row execute function stamp()')
      } else if (isSqlite)
        await db.execute(`create trigger stamp after update of owner on note begin
          update note set body = 'stamped' where id = new.id; end`)
      else await db.execute("create trigger stamp before update on note for each row set new.body = 'stamped'")
      await db.transaction(() => reown(db, NOTES))
      expect(await db.execute("select id from note where body = 'stamped' order by id")).toHaveLength(2)
      await db.execute("alter table note add column colour varchar(9) default 'red'")
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: { note: 2 }, kept: {} })
    })

    test('keeps everything if a table or a column is gone', async () => {
      const db = await open()
      await notes(db)
      await db.transaction(() => reown(db, NOTES))
      await db.execute('alter table note drop column body')
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: {}, kept: { note: 2 } })
      await db.execute("update note set owner = 'device' where id < 3")
      await db.transaction(() => reown(db, NOTES))
      await db.execute('drop table note')
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: {}, kept: { note: 2 } })
    })

    test('is possible for thirty days, and of each move', async () => {
      const db = await open()
      await notes(db)
      await db.transaction(() => reown(db, { ...NOTES, now: 1000 }))
      await db.execute("insert into note (id, owner, slug) values (5, 'device', 'late')")
      await db.transaction(() => reown(db, { ...NOTES, now: 2000 }))
      await pruneReowned(db, 30 * DAY + 1000)
      expect(await journalSize(db)).toBe(5)
      const tooLate = await db.transaction(() => undoReown(db, { ...MOVE, now: 30 * DAY + 2001 }))
      expect(tooLate).toEqual({ returned: {}, kept: {} })
      const inTime = await db.transaction(() => undoReown(db, { ...MOVE, now: 30 * DAY + 1000 }))
      expect(inTime).toEqual({ returned: { note: 3 }, kept: {} })
      await db.transaction(() => reown(db, { ...NOTES, now: 1000 }))
      await pruneReowned(db, 30 * DAY + 1001)
      expect(await journalSize(db)).toBe(0)
    })
  })

  describe('at the same time', () => {
    test('a row that is inserted meanwhile stays, and an edit of a moved row comes after', async () => {
      const db = await open()
      await notes(db)
      const [second, observer] = [await db.another(), await db.another()]
      const insert = () => second.execute("insert into note (id, owner, slug) values (5, 'device', 'late')")
      const edit = () => second.execute("update note set body = 'edited' where id = 1")
      const meanwhile: Promise<unknown>[] = []
      db.before = async (text) => {
        if (meanwhile.length > 0 || !/^(with|update)/.test(text)) return
        for (const write of [insert, edit]) meanwhile.push(write().catch((error: unknown) => error))
        // Postgres locks rows, MariaDB also the place where the new one would be, and SQLite everything.
        if (isPostgres) {
          await meanwhile[0]
          await endOrWait(observer, meanwhile[1]!)
        }
        if (isSqlite) expect(await meanwhile[0]).toMatchObject({ code: 'SQLITE_BUSY' })
      }
      expect(await db.transaction(() => reown(db, NOTES))).toEqual({ note: 2 })
      if (isSqlite) for (const write of [insert, edit]) await write()
      else expect(await Promise.all(meanwhile)).toEqual([[], []])
      expect(await ownersOf(db)).toMatchObject({ 1: 'account', 2: 'account', 5: 'device' })
      expect(await db.transaction(() => undoReown(db, MOVE))).toEqual({ returned: { note: 1 }, kept: { note: 1 } })
    })

    test('two links, and an undo beside a link, end as one after the other', async () => {
      const db = await open()
      await notes(db)
      const second = await db.another()
      await db.execute("insert into note (id, owner, slug) values (5, 'phone', 'p')")
      const phone = { from: 'phone', to: 'account' }
      // SQLite has one writer, which the others wait for.
      const inTurn = async (one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<unknown[]> =>
        isSqlite ? [await one(), await other()] : Promise.all([again(one), again(other)])
      const both = await inTurn(
        () => db.transaction(() => reown(db, NOTES)),
        () => second.transaction(() => reown(second, { ...NOTES, ...phone })),
      )
      expect(both).toEqual([{ note: 2 }, { note: 1 }])
      expect(await ownersOf(db)).toEqual({ 1: 'account', 2: 'account', 3: 'account', 4: 'other', 5: 'account' })
      await db.execute("insert into note (id, owner, slug) values (6, 'phone', 'q')")
      const crossed = await inTurn(
        () => db.transaction(() => undoReown(db, MOVE)),
        () => second.transaction(() => reown(second, { ...NOTES, ...phone })),
      )
      expect(crossed).toEqual([{ returned: { note: 2 }, kept: {} }, { note: 1 }])
      const undone = await inTurn(
        () => db.transaction(() => undoReown(db, phone)),
        () => second.transaction(() => undoReown(second, phone)),
      )
      expect(undone).toContainEqual({ returned: { note: 2 }, kept: {} })
      expect(undone).toContainEqual({ returned: {}, kept: {} })
      expect(await ownersOf(db)).toEqual({ 1: 'device', 2: 'device', 3: 'account', 4: 'other', 5: 'phone', 6: 'phone' })
    })
  })

  test('a server that dies before any of the statements leaves all or nothing', async () => {
    const db = await open()
    await notes(db)
    const before = await ownersOf(db)
    const deaths = async (work: (one: Connection) => Promise<unknown>, check: (one: Connection) => Promise<void>) => {
      for (let place = 1; ; place++) {
        const isDead = await dieAt(db, place, work, check)
        if (!isDead) return place - 1
      }
    }
    const moves = await deaths(
      (one) => one.transaction(() => reown(one, NOTES)),
      async (one) => {
        expect(await ownersOf(one)).toEqual(before)
        expect(await journalSize(one)).toBe(0)
      },
    )
    // The last one went through.
    const after = await ownersOf(db)
    expect(after).toMatchObject({ 1: 'account', 2: 'account' })
    const undos = await deaths(
      (one) => one.transaction(() => undoReown(one, MOVE)),
      async (one) => {
        expect(await ownersOf(one)).toEqual(after)
        expect(await journalSize(one)).toBe(3)
      },
    )
    expect(await ownersOf(db)).toEqual(before)
    console.warn(`reown on ${engine}: died at ${moves} places of a move, ${undos} of an undo`)
    expect(Math.min(moves, undos)).toBeGreaterThan(10)
  })
})

/** Until a statement has ended, or waits for a lock. */
async function endOrWait(observer: Connection, statement: Promise<unknown>): Promise<void> {
  const state = { hasEnded: false }
  void statement.then(() => (state.hasEnded = true))
  const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
  while (!state.hasEnded && (await observer.execute(waiting)).length === 0);
}

/** MariaDB ends one of two transactions that wait for each other: it has to be repeated, as the plugin does. */
async function again(work: () => Promise<unknown>): Promise<unknown> {
  return repeatOnConflict(work, (error) => hasErrorCode(error, new Set(['ER_LOCK_DEADLOCK'])))
}

/**
 * Does work on a connection that dies right before one of its statements. Of SQLite the files are what a killed process
 * leaves; the others are told to end the connection.
 *
 * @returns false if there were fewer statements: the work is done
 */
async function dieAt(
  db: Connection,
  place: number,
  work: (one: Connection) => Promise<unknown>,
  check: (one: Connection) => Promise<void>,
): Promise<boolean> {
  const one = await db.another()
  let left = place
  if (db.dialect === 'sqlite') {
    const [{ file }] = (await one.execute('pragma database_list')) as [{ file: string }]
    let copied = false
    one.before = async () => {
      if (--left !== 0) return
      copied = true
      await openCopy(file, check)
      throw new Error('killed')
    }
    await work(one).catch(() => undefined)
    one.before = () => undefined
    return copied
  }
  const id = db.dialect === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id'
  const [{ id: process }] = (await one.execute(id)) as [{ id: number }]
  let isKilled = false
  one.before = async () => {
    if (--left !== 0) return
    isKilled = true
    if (db.dialect === 'mysql') await db.execute(`kill ${process}`)
    // Until the backend has ended.
    else await db.execute(`select pg_terminate_backend(${process}, 60000)`)
  }
  await work(one).catch(() => undefined)
  if (isKilled) await check(db)
  return isKilled
}

/** Opens a copy of a database as a process finds it that starts after the last one was killed. */
async function openCopy(file: string, check: (one: Connection) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-reown-'))
  const copy = join(folder, 'copy.sqlite')
  for (const ending of ['', '-wal', '-journal'])
    if (existsSync(file + ending)) copyFileSync(file + ending, copy + ending)
  const opened = await openSqlite(copy)
  try {
    await check(opened)
  } finally {
    await opened.close()
    rmSync(folder, { recursive: true })
  }
}
