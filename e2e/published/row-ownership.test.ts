import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import type { ServerSession } from 'latchkey/server'
import { createBetterAuthResolver } from 'latchkey/better-auth'
import { Client, Pool } from 'pg'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { newPostgres } from '../../adapters/better-auth/testing/database.testing.ts'
import '../../adapters/better-auth/testing/postgres.testing.ts'
import { type TestBrowser, person, testServer } from '../../adapters/better-auth/testing/server.testing.ts'
import type { Auth } from '../../lib/index.ts'
import { asUser } from './row-ownership/postgres.ts'
import { addNote, renameNote, titlesOf } from './row-ownership/sqlite.ts'

const ada = person('ada')
const NOBODY = { principals: [] }

interface Device {
  readonly browser: TestBrowser
  readonly auth: Auth
  /** What the server makes of this device's token. */
  session(): Promise<ServerSession>
}

/** A real account server, and what a backend beside it makes of tokens. */
async function world() {
  const server = await testServer()
  const resolver = createBetterAuthResolver(server.auth)
  const open = async (): Promise<Device> => {
    const browser = server.browser()
    const auth = await browser.load({ harden: 'never' })
    await auth.markWritten()
    const session = async (): Promise<ServerSession> => {
      const who = await resolver.resolve(
        new Request('https://notes.example/notes', { headers: { authorization: `Bearer ${await auth.getToken()}` } }),
      )
      if (!who.ok) throw new TypeError(who.reason)
      return who.session
    }
    return { browser, auth, session }
  }
  const [first, second, stranger] = [await open(), await open(), await open()]
  await first.auth.upgrade(() => first.browser.client.signUp.email(ada))
  const adopt = async (): Promise<void> => {
    await second.auth.upgrade(() => second.browser.client.signIn.email(ada))
    expect((await second.auth.resolveConflict('adopt')).outcome).toBe('adopted')
  }
  return { first, second, stranger, adopt }
}

const opened: { end(): Promise<void> }[] = []
afterEach(async () => {
  for (const pool of opened.splice(0)) await pool.end()
})

/** Connected as an ordinary role: a superuser is above every policy. */
async function notesDatabase(max: number): Promise<Pool> {
  const address = await newPostgres()
  const role = `notes_${randomUUID().slice(0, 8)}`
  const owner = new Client({ connectionString: address })
  await owner.connect()
  await owner.query(readFileSync(new URL('row-ownership/policy.sql', import.meta.url), 'utf8'))
  await owner.query(
    `create role ${role} login password 'notes'; grant select, insert, update, delete on note to ${role}`,
  )
  await owner.end()
  const url = Object.assign(new URL(address), { username: role, password: 'notes' })
  const pool = new Pool({ connectionString: url.href, max })
  pool.on('error', () => {})
  opened.push(pool)
  return pool
}

const titles = (pool: Pool, session: Pick<ServerSession, 'principals'>): Promise<string[]> =>
  asUser(pool, session, async (client) =>
    (await client.query<{ title: string }>('select title from note order by title')).rows.map(({ title }) => title),
  )

const add = (pool: Pool, session: Pick<ServerSession, 'principals'>, title: string): Promise<unknown> =>
  asUser(pool, session, (client) => client.query('insert into note (id, title) values ($1, $2)', [randomUUID(), title]))

describe('Postgres: rows by principals', () => {
  test("one connection serves one person after the other, and no one sees another person's rows", async () => {
    const { first, second, stranger } = await world()
    const pool = await notesDatabase(1)
    await add(pool, await first.session(), 'account')
    await add(pool, await second.session(), 'device')
    expect(await titles(pool, await first.session())).toEqual(['account'])
    expect(await titles(pool, await second.session())).toEqual(['device'])
    expect(await titles(pool, await stranger.session())).toEqual([])
    expect(await titles(pool, NOBODY)).toEqual([])
    // The same connection, outside any user's transaction.
    expect((await pool.query('select * from note')).rows).toEqual([])
    expect(pool.totalCount).toBe(1)
    await expect(pool.query(`insert into note (id, title) values ('${randomUUID()}', 'nobody')`)).rejects.toThrow(
      'row-level security',
    )
  })

  test('a request that fails leaves nothing of itself on the connection', async () => {
    const { first, stranger } = await world()
    const pool = await notesDatabase(1)
    await add(pool, await first.session(), 'account')
    await expect(asUser(pool, await first.session(), (client) => client.query('select 1 / 0'))).rejects.toThrow(
      'division',
    )
    expect((await pool.query('select * from note')).rows).toEqual([])
    expect(await titles(pool, await stranger.session())).toEqual([])
    expect(pool.totalCount).toBe(1)
  })

  test('a connection that dies in the middle is not used any more', async () => {
    const { first } = await world()
    const pool = await notesDatabase(1)
    await add(pool, await first.session(), 'account')
    await expect(
      asUser(pool, await first.session(), (client) => client.query('select pg_terminate_backend(pg_backend_pid())')),
    ).rejects.toThrow()
    expect((await pool.query('select * from note')).rows).toEqual([])
    expect(await titles(pool, await first.session())).toEqual(['account'])
  })

  test('many people at once over few connections', async () => {
    const pool = await notesDatabase(3)
    const people = Array.from({ length: 12 }, () => ({ principals: [randomUUID(), randomUUID()] }))
    await Promise.all(people.map((each) => add(pool, each, each.principals[0]!)))
    const seen = await Promise.all([...people, ...people, ...people].map((each) => titles(pool, each)))
    expect(seen).toEqual([...people, ...people, ...people].map(({ principals }) => [principals[0]]))
    expect(pool.totalCount).toBe(3)
  })

  test("no one writes in another's name, or gives a row away", async () => {
    const { first, stranger } = await world()
    const pool = await notesDatabase(1)
    const [mine, theirs] = [await first.session(), await stranger.session()]
    await add(pool, mine, 'account')
    await expect(
      asUser(pool, theirs, (client) =>
        client.query('insert into note (id, owner, title) values ($1, $2, $3)', [
          randomUUID(),
          mine.principal,
          'forged',
        ]),
      ),
    ).rejects.toThrow('row-level security')
    await expect(
      asUser(pool, mine, (client) => client.query('update note set owner = $1', [theirs.principal])),
    ).rejects.toThrow('row-level security')
    expect((await asUser(pool, theirs, (client) => client.query('delete from note'))).rowCount).toBe(0)
    expect(await titles(pool, mine)).toEqual(['account'])
  })

  test('after an adoption the account has the rows of both, and after the undo its own', async () => {
    const { first, second, stranger, adopt } = await world()
    const pool = await notesDatabase(1)
    const [account, device] = [await first.session(), await second.session()]
    await add(pool, account, 'account')
    await add(pool, device, 'device')
    await adopt()
    const both = await second.session()
    expect(both.principals).toEqual([account.principal, device.principal])
    expect(await titles(pool, both)).toEqual(['account', 'device'])
    expect(
      (await asUser(pool, both, (client) => client.query(`update note set title = 'changed' where title = 'device'`)))
        .rowCount,
    ).toBe(1)
    await add(pool, both, 'new')
    expect(await titles(pool, await stranger.session())).toEqual([])
    expect((await pool.query('select * from note')).rows).toEqual([])

    await second.auth.unlinkAlias(device.principal!)
    expect(await titles(pool, await second.session())).toEqual(['account', 'new'])
    // The alias's own key is a way in again.
    expect(await titles(pool, device)).toEqual(['changed'])
  })
})

describe('SQLite: rows by principals', () => {
  function openNotes(): Sqlite.Database {
    const database = new Sqlite(':memory:')
    onTestFinished(() => void database.close())
    database.exec(
      'create table note (id text primary key, owner text not null, title text not null); create index note_owner on note (owner)',
    )
    return database
  }

  test('before and after an adoption, and after the undo', async () => {
    const { first, second, stranger, adopt } = await world()
    const database = openNotes()
    const [account, device] = [await first.session(), await second.session()]
    addNote(database, account, '1', 'account')
    addNote(database, device, '2', 'device')
    expect(titlesOf(database, account)).toEqual(['account'])
    expect(renameNote(database, account, '2', 'forged')).toBe(false)
    await adopt()
    const both = await second.session()
    expect(titlesOf(database, both)).toEqual(['account', 'device'])
    expect(renameNote(database, both, '2', 'changed')).toBe(true)
    expect(titlesOf(database, await stranger.session())).toEqual([])
    await second.auth.unlinkAlias(device.principal!)
    expect(titlesOf(database, await second.session())).toEqual(['account'])
  })

  test('without a principal there are no rows and none are added; a principal is data, never part of the statement', async () => {
    const database = openNotes()
    addNote(database, { principals: [`x') or 1 = 1 --`] }, '1', 'odd')
    addNote(database, { principals: ['plain'] }, '2', 'plain')
    expect(titlesOf(database, NOBODY)).toEqual([])
    expect(() => addNote(database, NOBODY, '3', 'nobody')).toThrow('NOT NULL')
    expect(titlesOf(database, { principals: [`x') or 1 = 1 --`] })).toEqual(['odd'])
  })

  test('an index serves it', () => {
    const plan = openNotes()
      .prepare('explain query plan select title from note where owner in (select value from json_each(?))')
      .all('[]') as { detail: string }[]
    expect(plan.map(({ detail }) => detail).join()).toContain('USING INDEX note_owner')
  })
})
