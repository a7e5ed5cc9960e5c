import { once } from 'node:events'
import { Client, type Pool } from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import { type RunningServer, run, start, startServer } from './cli.testing.ts'
import { type OpenDatabase, openDatabase } from './database.ts'

const BASE = 'https://id.example'
const ENVIRONMENT = { LATCHKEY_SECRET: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1', LATCHKEY_BASE_URL: BASE }

const ended: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end()
})

async function server(database: string): Promise<RunningServer> {
  const running = await startServer(['serve'], { ...ENVIRONMENT, LATCHKEY_DATABASE: database })
  ended.push(() => running.child.exitCode === null && running.stop('SIGKILL'))
  return running
}

async function clientOf(database: string): Promise<Client> {
  const client = new Client({ connectionString: database })
  await client.connect()
  ended.push(() => client.end())
  return client
}

/** @returns the process of the statement that waits for a lock of `holder` */
function waiting(holder: Client): Promise<number> {
  const sql = 'select pid from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))'
  const find = async (): Promise<number> => {
    // Inside a transaction, the first list of processes would stay.
    await holder.query('select pg_stat_clear_snapshot()')
    return (await holder.query<{ pid: number }>(sql)).rows[0]!.pid
  }
  return vi.waitFor(find, { timeout: 60_000 })
}

const signUp = ({ ask }: RunningServer): Promise<Response> =>
  ask('/api/auth/sign-up/email', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: BASE },
    body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery', name: 'Ada' }),
  })

describe('latchkey serve on Postgres', () => {
  test('a connection that breaks in the middle of a request fails this request alone', async () => {
    const database = await newPostgres()
    const running = await server(database)
    const holder = await clientOf(database)
    await holder.query('begin; lock table "user" in share row exclusive mode')
    const answer = signUp(running)
    await holder.query('select pg_terminate_backend($1)', [await waiting(holder)])
    expect((await answer).status).toBeGreaterThanOrEqual(400)
    await holder.query('rollback')
    expect((await running.ask('/health')).status).toBe(200)
    expect((await signUp(running)).status).toBe(200)
  })

  test('a start that the database refuses says why in the log', async () => {
    const database = await newPostgres()
    const admin = await clientOf(database)
    await admin.query(`alter database ${new URL(database).pathname.slice(1)} set default_transaction_read_only = on`)
    const environment = { ...ENVIRONMENT, LATCHKEY_DATABASE: database }
    const { code, stdout, stderr } = await run(['serve', '--port', '0'], { environment })
    expect([code, stderr]).toEqual([1, expect.stringContaining('log')])
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({
      event: 'failed',
      message: expect.stringContaining('read-only transaction'),
    })
  })

  test('a start that has to change a table in use does not block it for long, and changes nothing', async () => {
    const database = await newPostgres()
    await (await server(database)).stop()
    const holder = await clientOf(database)
    await holder.query('alter table "user" drop column "image"; alter table "session" drop column "userAgent"')
    await holder.query('begin; lock table "session" in access share mode')
    const environment = { ...ENVIRONMENT, LATCHKEY_DATABASE: database }
    const { code, stdout } = await run(['serve', '--port', '0'], { environment })
    expect([code, stdout]).toEqual([1, expect.stringContaining('lock timeout')])
    const columns = `select from information_schema.columns where column_name in ('image', 'userAgent')`
    expect((await holder.query(columns)).rows).toHaveLength(0)
    await holder.query('rollback')
    expect((await (await server(database)).ask('/health')).status).toBe(200)
    expect((await holder.query(columns)).rows).toHaveLength(2)
  })

  test('SIGTERM ends a server that waits for another one to migrate', async () => {
    const database = await newPostgres()
    const other = await clientOf(database)
    await other.query('select pg_advisory_lock(5228104)')
    const { child, output } = start(['serve', '--port', '0'], { ...ENVIRONMENT, LATCHKEY_DATABASE: database })
    ended.push(() => child.exitCode === null && child.kill('SIGKILL'))
    const closed = once(child, 'close')
    await waiting(other)
    child.kill()
    expect(await closed).toEqual([0, null])
    expect(output.stdout).toContain('"event":"stopped"')
  })
})

describe('an open Postgres', () => {
  async function open(): Promise<OpenDatabase & { readonly holder: Client; readonly pool: Pool }> {
    const url = await newPostgres()
    const opened = await openDatabase({ kind: 'postgres', url }, () => {})
    return { ...opened, pool: opened.database as unknown as Pool, holder: await clientOf(url) }
  }

  test('is closed while a statement waits, which then fails', async () => {
    const { pool, holder, close } = await open()
    await holder.query('select pg_advisory_lock(1)')
    const statement = expect(pool.query('select pg_advisory_lock(1)')).rejects.toThrow('Connection terminated')
    await waiting(holder)
    await close()
    await statement
  })

  test('is closed after the work of a start, which is not interrupted', async () => {
    const { pool, alone, close } = await open()
    const steps: string[] = []
    let proceed = (): void => {}
    const begun = new Promise<void>((resolve) => {
      void alone(async () => {
        resolve()
        await new Promise<void>((go) => (proceed = go))
        await pool.query('select 1')
        steps.push('worked')
      })
    })
    await begun
    const closed = close().then(() => steps.push('closed'))
    proceed()
    await closed
    expect(steps).toEqual(['worked', 'closed'])
  })

  test('lets one server at a time do the work of its start', async () => {
    const { pool, alone, close } = await open()
    let atWork = 0
    const most: number[] = []
    const work = async (): Promise<void> => {
      most.push(++atWork)
      await pool.query('select 1')
      atWork--
    }
    await Promise.all([alone(work), alone(work), alone(work)])
    expect(most).toEqual([1, 1, 1])
    await close()
  })
})
