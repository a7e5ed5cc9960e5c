import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import { Client, Pool } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { newPostgres } from '../../adapters/better-auth/testing/database.testing.ts'
import '../../adapters/better-auth/testing/postgres.testing.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/your-tables.md', import.meta.url)), 'utf8')

/** The block of the page that begins with this comment. */
function block(title: string): string {
  return [...page.matchAll(/^```sql\n-- (.+)\n([\s\S]*?)^```$/gm)].find(([, name]) => name === title)![2]!
}

interface Rows {
  run(sql: string): Promise<void>
  all(sql: string): Promise<Record<string, unknown>[]>
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function openSqlite(): Promise<{ database: Sqlite.Database | Pool; rows: Rows }> {
  const database = new Sqlite(':memory:')
  database.pragma('foreign_keys = on')
  const rows: Rows = {
    run: async (sql) => void database.exec(sql),
    all: async (sql) => database.prepare(sql).all() as Record<string, unknown>[],
  }
  return { database, rows }
}

async function openPostgres(): Promise<{ database: Sqlite.Database | Pool; rows: Rows }> {
  const connectionString = await newPostgres()
  const pool = new Pool({ connectionString })
  const client = new Client({ connectionString })
  await client.connect()
  closing.push(
    () => client.end(),
    () => pool.end(),
  )
  const rows: Rows = {
    run: async (sql) => void (await client.query(sql)),
    all: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
  }
  return { database: pool, rows }
}

describe.each([
  ['SQLite', openSqlite],
  ['Postgres', openPostgres],
] as const)('%s: the statements of the page', (engine, open) => {
  /** A user with a note from before, and a device that signed up and wrote another one. */
  async function movedIn() {
    const { database, rows } = await open()
    const options = {
      baseURL: 'https://notes.example',
      secret: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
      database,
      emailAndPassword: { enabled: true },
      rateLimit: { enabled: false },
      logger: { disabled: true },
      user: { deleteUser: { enabled: true } },
    }
    const before = betterAuth(options)
    await (await getMigrations(before.options)).runMigrations()
    const { user: grace } = await before.api.signUpEmail({ body: { ...credentials('grace'), name: 'Grace' } })
    await rows.run(
      `create table note (id text primary key, "userId" text not null references "user" (id) on delete cascade, title text not null);
       insert into note values ('1', '${grace.id}', 'from before')`,
    )
    const device = await testDevice()
    const insert = (column: string): Promise<void> =>
      rows.run(`insert into note (id, ${column}, title) values ('2', '${device.principal}', 'of a device')`)
    await expect(insert('"userId"')).rejects.toThrow(/foreign key/i)
    await rows.run(block(engine))
    await insert('owner')
    const auth = betterAuth({ ...options, plugins: [latchkey(), latchkeyJwt()] })
    await (await getMigrations(auth.options)).runMigrations()
    return { auth, rows, device }
  }

  test('keep the rows of users, and take those of devices (checklist 36: foreign keys)', async () => {
    const { rows, auth, device } = await movedIn()
    expect(await rows.all('select id, title from note order by id')).toEqual([
      { id: '1', title: 'from before' },
      { id: '2', title: 'of a device' },
    ])
    const names = (): Promise<unknown> => rows.all(block('names for a list'))
    expect(await names()).toEqual([
      { title: 'from before', name: 'Grace' },
      { title: 'of a device', name: null },
    ])
    const proof = await device.proof({ audience: 'https://notes.example/api/auth', purpose: 'upgrade' })
    const signedUp = await auth.handler(post('/sign-up/email', { ...credentials('ada'), name: 'Ada' }, proof))
    expect(await names()).toEqual([
      { title: 'from before', name: 'Grace' },
      { title: 'of a device', name: 'Ada' },
    ])
    const cookie = signedUp.headers
      .getSetCookie()
      .map((text) => text.split(';')[0])
      .join('; ')
    const deleted = await auth.handler(post('/delete-user', { password: credentials('ada').password }, null, cookie))
    expect(deleted.status).toBe(200)
    // An account that exists may have removed an alias whose key was revoked, and has no row of its own here.
    await rows.run(
      `insert into "latchkeyPrincipal" (id, principal, "userId", kind, epoch)
       select 'removed', 'an alias', id, 'retired', 'any' from "user";
       insert into note (id, owner, title) values ('3', 'an alias', 'of a removed alias')`,
    )
    await rows.run(block('what is left'))
    expect(await rows.all('select id from note order by id')).toEqual([{ id: '1' }, { id: '3' }])
  })

  test('give principals a table of their own, whose rows cascade', async () => {
    const { rows } = await movedIn()
    await rows.run(block(`${engine}: owners`))
    await expect(
      rows.run(`insert into note (id, owner, title) values ('3', 'nobody', 'without an owner')`),
    ).rejects.toThrow(/foreign key/i)
    await rows.run(block('each write'))
    await rows.run(block('each write'))
    expect(await rows.all('select count(*) as count from owner')).toEqual([{ count: engine === 'SQLite' ? 3 : '3' }])
    await rows.run(`delete from owner where principal = (select owner from note where id = '2')`)
    expect(await rows.all('select id from note')).toEqual([{ id: '1' }])
  })
})

function credentials(name: string): { email: string; password: string } {
  return { email: `${name}@example.com`, password: 'correct horse battery' }
}

function post(path: string, body: object, proof: string | null, cookie?: string): Request {
  return new Request(`https://notes.example/api/auth${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: 'https://notes.example',
      ...(proof !== null && { 'x-latchkey-proof': proof }),
      ...(cookie !== undefined && { cookie }),
    },
    body: JSON.stringify(body),
  })
}
