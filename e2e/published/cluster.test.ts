import { randomUUID } from 'node:crypto'
import { type TestDevice, testDevice } from 'latchkey/testing'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Cluster, startCluster } from '../tools/servers/cluster.mjs'

const ORIGIN = 'https://notes.example'
const AUTH = `${ORIGIN}/api/auth`
const PASSWORD = 'correct horse battery'
const SIZE = 3

let cluster: Cluster
/** Looks at the database. Not the one that holds: inside a transaction it would see who waited at its begin. */
let client: Client
let holder: Client

beforeAll(async () => {
  // As vitest.config.ts provides it.
  const door = inject('postgres' as never) as string
  const { url: postgres } = (await (await fetch(door)).json()) as { url: string }
  cluster = await startCluster({ postgres, origin: ORIGIN, size: SIZE })
  client = new Client({ connectionString: cluster.database })
  holder = new Client({ connectionString: cluster.database })
  await Promise.all([client.connect(), holder.connect()])
})

afterAll(async () => {
  await Promise.all([client.end(), holder.end()])
  await cluster.close()
})

interface Person {
  readonly email: string
  readonly device: TestDevice
  /** What became of each request of theirs. */
  readonly statuses: number[]
}

async function newPerson(): Promise<Person> {
  return { email: `${randomUUID()}@example.com`, device: await testDevice(), statuses: [] }
}

/** Asks whatever server is next. */
function ask(path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
  const init = body && { method: 'POST', body: JSON.stringify(body) }
  return fetch(`${cluster.url}/api/auth${path}`, {
    ...init,
    headers: { 'content-type': 'application/json', origin: ORIGIN, ...headers },
  })
}

async function enter(
  { email, device, statuses }: Person,
  path: '/sign-up/email' | '/sign-in/email',
): Promise<Response> {
  const proof = await device.proof({ audience: AUTH, purpose: 'upgrade' })
  const answer = await ask(path, { email, password: PASSWORD, name: 'Somebody' }, { 'x-latchkey-proof': proof })
  statuses.push(answer.status)
  return answer
}

/**
 * As a person does it: again while there is no answer, and a sign-in where the account turns out to be there. @returns
 * the cookie
 */
async function signUp(person: Person): Promise<string> {
  let answer = await enter(person, '/sign-up/email')
  while (answer.status === 502) answer = await enter(person, '/sign-up/email')
  if (answer.status === 422) answer = await enter(person, '/sign-in/email')
  expect(answer.status).toBe(200)
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

async function rows(query: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(query, values)).rows
}

/** Everything that writes to a table waits until `release`. */
async function hold(
  table: string,
): Promise<{ waiting(count: number): Promise<void>; cut(name: string): Promise<void>; release(): Promise<void> }> {
  await holder.query(`begin; lock table "${table}" in share row exclusive mode`)
  const waiting = (): Promise<Record<string, unknown>[]> =>
    rows(
      `select application_name as name from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  return {
    waiting: async (count) =>
      void (await expect.poll(async () => new Set((await waiting()).map(({ name }) => name)).size).toBe(count)),
    cut: async (name) =>
      void (await rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1',
        name,
      )),
    release: async () => void (await holder.query('rollback')),
  }
}

/** The account is there once, with its principal, its lock and its password; every server says so. */
async function expectWhole({ email, device: { principal } }: Person, cookie: string): Promise<void> {
  const users = await rows('select id, principal from "user" where email = $1 or principal = $2', email, principal)
  expect(users).toEqual([{ id: expect.any(String), principal }])
  const [{ id } = {}] = users
  for (let server = 0; server < SIZE; server++) {
    expect(await (await ask('/latchkey/session', undefined, { cookie })).json()).toMatchObject({
      session: { accountId: id, principal },
    })
  }
  expect(await rows('select kind, "userId" from "latchkeyPrincipal" where principal = $1', principal)).toEqual([
    { kind: 'canonical', userId: id },
  ])
  expect(await rows('select "providerId" from account where "userId" = $1', id)).toEqual([{ providerId: 'credential' }])
  expect(
    await rows(`select split_part(act, ':', 1) as act from "latchkeyAudit" where principal = $1`, principal),
  ).toEqual([{ act: 'bind' }])
}

/**
 * Where a sign-up waits when its server is killed. `lost`: the statement is never executed. Otherwise it is, for a
 * server that is no more.
 */
const MOMENTS = [
  { before: 'the proof is used up', table: 'latchkeyProof', lost: true },
  { before: 'the proof is known to be used up', table: 'latchkeyProof', lost: false },
  { before: 'the principal is known to be reserved', table: 'latchkeyPrincipal', lost: false },
  { before: 'the account is there', table: 'user', lost: true },
  { before: 'the account is known to be there', table: 'user', lost: false },
  { before: 'the session is there', table: 'session', lost: true },
  { before: 'the session is known to be there', table: 'session', lost: false },
] as const

describe('three servers on one Postgres, three sign-ups under way, one in each', () => {
  for (const [round, { before, table, lost }] of MOMENTS.entries()) {
    test(`one is killed before ${before}: nothing is lost, and nothing is there twice`, async () => {
      const people = await Promise.all(Array.from({ length: SIZE }, newPerson))
      const held = await hold(table)
      const cookies = Promise.all(people.map(signUp))
      await held.waiting(SIZE)
      const at = round % SIZE
      const killed = cluster.servers[at]!
      await killed.end('SIGKILL')
      if (lost) await held.cut(killed.name)
      await held.release()
      const found = await cookies
      await cluster.restart(at)
      for (const [index, cookie] of found.entries()) await expectWhole(people[index]!, cookie)
      expect(people.map(({ statuses }) => statuses[0]).sort()).toEqual([200, 200, 502])
    })
  }

  test('one is killed when all is done, and the answer is lost with it: the next request finds what is there', async () => {
    const person = await newPerson()
    expect((await enter(person, '/sign-up/email')).status).toBe(200)
    await cluster.servers[0]!.end('SIGKILL')
    const cookie = await signUp(person)
    await cluster.restart(0)
    await expectWhole(person, cookie)
    expect(person.statuses).toEqual([200, 422, 200])
  })

  test('one is asked to stop: it answers what it has begun, takes nothing new, and ends with 0', async () => {
    const people = await Promise.all(Array.from({ length: SIZE }, newPerson))
    const held = await hold('user')
    const cookies = Promise.all(people.map(signUp))
    await held.waiting(SIZE)
    const [stopped] = cluster.servers
    const ended = stopped!.end('SIGTERM')
    await expect.poll(() => stopped!.written()).toContain('"event":"stopping"')
    // Three in a row: each of the servers had its turn.
    const meanwhile = await Promise.all(Array.from({ length: SIZE }, () => ask('/jwks')))
    expect(meanwhile.map(({ status }) => status)).toEqual([200, 200, 200])
    await held.release()
    for (const [index, cookie] of (await cookies).entries()) await expectWhole(people[index]!, cookie)
    expect(people.flatMap(({ statuses }) => statuses)).toEqual([200, 200, 200])
    expect(await ended).toBe(0)
    await cluster.restart(0)
  })
})
