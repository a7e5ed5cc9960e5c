import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { type TestDatabase, newPostgres, openPostgres, openSqlite } from './database.testing.ts'
import { type ChallengeAnswer, PROOF_HEADER } from './index.ts'
import { elsewhere, nonceFor } from './link.testing.ts'
import { type Person, newPerson, post, proofOf } from './requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from './server.testing.ts'

const ROUNDS = 20
const PROCESSES = 2

interface Call {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: object
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-race-'))

afterAll(() => rmSync(folder, { recursive: true }))

/** Where the processes meet, and the tests' own view of it. */
const PLACES: Record<string, () => Promise<{ place: string; database: TestDatabase }>> = {
  'a SQLite file': async () => ({ place: join(folder, 'auth.sqlite'), database: openSqlite(join(folder, 'auth.sqlite')) }),
  Postgres: async () => {
    const place = await newPostgres()
    return { place, database: await openPostgres(true, place) }
  },
}

describe.each(Object.entries(PLACES))(`${PROCESSES} processes on %s, ${ROUNDS} rounds`, (_, open) => {
  let server: TestServer
  let database: TestDatabase
  let workers: ChildProcess[] = []

  beforeAll(async () => {
    const opened = await open()
    database = opened.database
    server = await testServer({}, database)
    workers = Array.from({ length: PROCESSES }, () => fork(new URL('server.worker.mjs', import.meta.url), [opened.place, ORIGIN]))
    await Promise.all(workers.map((worker) => once(worker, 'message')))
  })

  afterAll(async () => {
    for (const worker of workers) worker.kill()
    await database.close()
  })

  /** One call by each process. All messages leave in the same turn: this is the barrier. */
  async function race(calls: readonly Call[]): Promise<number[]> {
    const answers = workers.map((worker) => once(worker, 'message') as Promise<[{ answers: number[] }]>)
    workers.forEach((worker, index) => worker.send({ requests: [calls[index]] }))
    return (await Promise.all(answers)).map(([{ answers: [status] }]) => status!)
  }

  function each<Value>(make: (index: number) => Promise<Value>): Promise<Value[]> {
    return Promise.all(Array.from({ length: PROCESSES }, (_, index) => make(index)))
  }

  async function bindCall({ browser, device }: Person): Promise<Call> {
    const { nonce } = (await (await browser.send('/latchkey/challenge', post({ purpose: 'bind' }))).json()) as ChallengeAnswer
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
    return { path: '/latchkey/bind', body: { nonce }, headers: { cookie, origin: ORIGIN, [PROOF_HEADER]: proof } }
  }

  async function linkCall({ browser, session }: Person, device: TestDevice): Promise<Call> {
    const [nonce, linkTo] = [await nonceFor(browser, 'link'), (await session())!.principal]
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
    return { path: '/latchkey/link', body: { nonce }, headers: { cookie, origin: ORIGIN, [PROOF_HEADER]: proof } }
  }

  test('one principal, linked in each to another account: one of them has it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const device = await testDevice()
      const people = await each(async (index) => {
        const one = await newPerson(server)
        await one.prove('/sign-up/email', person(`link-${round}-${index}`))
        return one
      })
      const statuses = await race(await Promise.all(people.map((one) => linkCall(one, device))))
      expect(statuses.sort()).toEqual([200, 409])
      const looks = await Promise.all(people.map((one) => one.session()))
      expect(looks.filter((look) => look!.aliases.includes(device.principal))).toHaveLength(1)
    }
  })

  test('two devices, and one account whose principal is its id: it has both', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const credentials = person(`both-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const people = await each(() => elsewhere(server, credentials))
      expect(await race(await Promise.all(people.map((one) => linkCall(one, one.device))))).toEqual([200, 200])
      expect((await people[0]!.session())!.aliases.toSorted()).toEqual(people.map(({ device }) => device.principal).toSorted())
    }
  })

  test('one principal, linked in one and signed up in the other: it belongs to one account', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const one = await newPerson(server)
      await one.prove('/sign-up/email', person(`mix-${round}-a`))
      const other = await newPerson(server)
      const signUp = { path: '/sign-up/email', body: person(`mix-${round}-b`), headers: await proofOf(other.device) }
      const statuses = await race([await linkCall(one, other.device), signUp])
      expect(statuses).toContain(200)
      await other.browser.send('/sign-in/email', post(person(`mix-${round}-b`)))
      const looks = [await one.session(), await other.session()]
      expect(looks.filter((look) => look && [look.principal, ...look.aliases].includes(other.device.principal))).toHaveLength(1)
    }
  })

  test('one principal, and a sign-up in each: one user has it, and there is no orphan', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const device = await testDevice()
      const calls = await each(async (index) => ({ path: '/sign-up/email', body: person(`sign-up-${round}-${index}`), headers: await proofOf(device) }))
      const statuses = await race(calls)
      expect(statuses.filter((status) => status === 200)).toHaveLength(1)
      const users = (await server.rows('user')).filter(({ email }) => String(email).startsWith(`sign-up-${round}-`))
      expect(users.map(({ principal }) => principal)).toEqual([device.principal])
      expect((await server.rows('latchkeyPrincipal')).filter(({ principal }) => principal === device.principal)).toHaveLength(1)
    }
  })

  test('one proof, and a sign-up in each: it works once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const headers = await proofOf(await testDevice())
      const statuses = await race(await each(async (index) => ({ path: '/sign-up/email', body: person(`replay-${round}-${index}`), headers })))
      expect(statuses.sort()).toEqual([200, 401])
    }
  })

  test('one principal, and an open account in each: one of them has it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const device = await testDevice()
      const people = await each(async (index) => {
        const one = await newPerson(server, device)
        await one.browser.send('/sign-up/email', post(person(`open-${round}-${index}`)))
        return one
      })
      const statuses = await race(await Promise.all(people.map(bindCall)))
      expect(statuses.sort()).toEqual([200, 409])
      const looks = await Promise.all(people.map((one) => one.session()))
      expect(looks.filter((look) => look!.principal === device.principal)).toHaveLength(1)
    }
  })

  test('two principals, and one open account: it has one of them, and keeps it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const credentials = person(`two-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const people = await each(async () => {
        const one = await newPerson(server)
        await one.browser.send('/sign-in/email', post(credentials))
        return one
      })
      const statuses = await race(await Promise.all(people.map(bindCall)))
      expect(statuses.sort()).toEqual([200, 409])
      const [first, second] = await Promise.all(people.map((one) => one.session()))
      expect(first).toEqual(second)
      expect(people.map((one) => one.device.principal)).toContain(first!.principal)
    }
  })
})
