import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceBinding, type SqlBindingStore, postgresBindingStore, sqliteBindingStore } from '../../lib/server.ts'
import { newPostgres } from '../better-auth/testing/database.testing.ts'

// Two server processes with the built package, which end by SIGKILL. Build it first.

const ISSUER = 'https://id.example'
const ROUNDS = 20

/** An operation of a store. */
interface Call {
  readonly act: keyof SqlBindingStore
  readonly args: readonly unknown[]
}

const of = (subject: string, principal: string): DeviceBinding => ({
  issuer: ISSUER,
  subject,
  principal,
  thumbprint: `thumbprint-${principal}`,
})
const insert = (subject: string, principal: string): Call => ({ act: 'insert', args: [of(subject, principal)] })
const link = (subject: string, principal: string): Call => ({ act: 'link', args: [of(subject, principal)] })
const unlink = (subject: string, principal: string): Call => ({ act: 'unlink', args: [ISSUER, subject, principal] })
const see = (session: string): Call => ({
  act: 'seeSession',
  args: [ISSUER, 'ada', { session, name: 'x', platform: null }],
})
const revoke = (session: string): Call => ({ act: 'revokeSession', args: [ISSUER, 'ada', session] })

/** A database that processes share, and the test's own store on it. */
interface Place {
  readonly address: string
  readonly store: SqlBindingStore
  empty(): Promise<void>
  close(): Promise<void>
}

const TABLES = ['latchkey_binding', 'latchkey_used', 'latchkey_session']

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  async 'a SQLite file'() {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-binding-processes-'))
    const address = join(folder, 'bindings.db')
    const database = new Sqlite(address)
    return {
      address,
      store: sqliteBindingStore(database),
      empty: async () => database.exec(TABLES.map((table) => `delete from ${table};`).join('')) && undefined,
      async close() {
        database.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
  async Postgres() {
    const address = await newPostgres()
    const pool = new Pool({ connectionString: address })
    // It may hear of the end of the cluster.
    pool.on('error', () => {})
    return {
      address,
      store: postgresBindingStore(pool),
      empty: async () => void (await pool.query(`truncate ${TABLES.join()}`)),
      close: () => pool.end(),
    }
  },
}

describe.each(Object.entries(PLACES))('binding stores of two processes on %s', (_, open) => {
  let place: Place
  let workers: ChildProcess[] = []

  beforeAll(async () => {
    place = await open()
    await place.store.migrate()
  })
  afterAll(() => place.close())
  beforeEach(async () => {
    await place.empty()
    for (const subject of ['ada', 'eve']) await place.store.insert(of(subject, `of ${subject}`))
    await place.store.link(of('ada', 'old'))
  })
  afterEach(() => {
    for (const worker of workers) worker.kill('SIGKILL')
    workers = []
  })

  async function start(): Promise<ChildProcess> {
    const worker = fork(fileURLToPath(new URL('bindings.worker.mjs', import.meta.url)), [place.address])
    workers.push(worker)
    await once(worker, 'message')
    return worker
  }

  async function prepare(worker: ChildProcess, calls: readonly Call[], deadly?: object): Promise<void> {
    const ready = once(worker, 'message')
    worker.send({ prepare: calls, deadly })
    await ready
  }

  /** Both have their calls in their hands before either is told to go. */
  async function race(each: readonly (readonly Call[])[], [one, two]: ChildProcess[]): Promise<unknown[][]> {
    const both = [one!, two!]
    await Promise.all(both.map((worker, at) => prepare(worker, each[at]!)))
    const answers = both.map(async (worker) => {
      const results: unknown[][] = []
      const ended = new Promise<void>((resolve) => {
        worker.on('message', function hear(message: { results?: unknown[]; done?: true }) {
          if (message.results) results.push(message.results)
          if (!message.done) return
          worker.off('message', hear)
          resolve()
        })
      })
      worker.send({ go: true })
      await ended
      return results[0]!
    })
    return Promise.all(answers)
  }

  /** Whatever happened: what one account has, no other one has. */
  async function stateOf(subjects: readonly string[] = ['ada', 'eve', 'new', 'newer']): Promise<string> {
    const { store } = place
    const kept: (string | undefined)[][] = []
    for (const subject of subjects)
      kept.push([
        (await store.find(ISSUER, subject))?.principal,
        ...(await store.aliasesOf(ISSUER, subject)).toSorted(),
      ])
    const all = kept.flat().filter((principal) => principal !== undefined)
    expect(new Set(all).size).toBe(all.length)
    for (const [at, principals] of kept.entries())
      for (const principal of principals)
        if (principal !== undefined) expect((await store.holderOf(principal))?.subject).toBe(subjects[at])
    return JSON.stringify(kept)
  }

  test('of two at once, one wins, and both hear the same', async () => {
    const both = [await start(), await start()]
    for (let round = 0; round < ROUNDS; round++) {
      const name = (text: string): string => `${text} ${round}`
      const subjects = ['ada', 'eve', ...['a', 'b', 'c'].map(name)]
      const results = await race(
        [
          [insert(name('a'), name('free')), insert(name('c'), name('one')), link('ada', name('alias'))],
          [insert(name('b'), name('free')), insert(name('c'), name('two')), link('eve', name('alias'))],
        ],
        both,
      )
      const [free, account, alias] = [0, 1, 2].map((at) => results.map((each) => each[at]))
      expect(free!.filter((bound) => bound !== null)).toHaveLength(1)
      // The account has one principal, and both processes were told which.
      expect(account![0]).toEqual(account![1])
      expect([name('one'), name('two')]).toContain((account![0] as DeviceBinding).principal)
      expect(alias!.toSorted()).toEqual(['linked', 'taken'])
      await stateOf(subjects)
      for (const subject of ['ada', 'eve']) await place.store.unlink(ISSUER, subject, name('alias'))
    }
  })

  test('sixteen aliases are the most, from both together', async () => {
    const both = [await start(), await start()]
    const links = (who: string): Call[] => Array.from({ length: 10 }, (_, at) => link('eve', `alias ${who} ${at}`))
    const results = await race([links('one'), links('two')], both)
    const flat = results.flat()
    expect(flat.filter((result) => result === 'linked')).toHaveLength(16)
    expect(flat.filter((result) => result === 'full')).toHaveLength(4)
    expect(await place.store.aliasesOf(ISSUER, 'eve')).toHaveLength(16)
    await stateOf()
  })

  test('a name is used once, and a session is revoked once and stays so', async () => {
    const both = [await start(), await start()]
    const until = Date.now() + 60_000
    for (let round = 0; round < ROUNDS; round++) {
      const [name, session] = [`name ${round}`, `session ${round}`]
      await place.store.seeSession(ISSUER, 'ada', { session, name: 'x', platform: null })
      const calls: Call[] = [{ act: 'useOnce', args: [name, until] }, see(session), revoke(session), see(session)]
      const results = await race([calls, calls], both)
      expect(results.map(([used]) => used).toSorted()).toEqual([false, true])
      expect(results.map((each) => each[2]).toSorted()).toEqual([false, true])
      expect((await place.store.findSession(ISSUER, 'ada', session))!.revokedAt).not.toBeNull()
    }
  })

  const ACTS: Readonly<Record<string, Call>> = {
    'a binding': insert('new', 'free'),
    'a link': link('ada', 'free'),
    'an undo': unlink('ada', 'old'),
  }

  describe('a process that is killed before or after a statement leaves nothing half done', () => {
    test.each(Object.entries(ACTS))('%s', async (_, call) => {
      const before = await stateOf()
      const after = await (async () => {
        await place.store[call.act as 'insert'](...(call.args as [DeviceBinding]))
        return stateOf()
      })()
      const others = [await start(), await start()]
      for (const side of ['before', 'after'])
        for (let at = 1, isKilled = true; isKilled; at++) {
          await place.empty()
          for (const subject of ['ada', 'eve']) await place.store.insert(of(subject, `of ${subject}`))
          await place.store.link(of('ada', 'old'))
          const doomed = await start()
          await prepare(doomed, [call], { side, at })
          const ended = Promise.race([once(doomed, 'exit').then(() => true), doneOf(doomed)])
          doomed.send({ go: true })
          isKilled = await ended
          expect([before, after]).toContain(await stateOf())
          // Another process goes on, and the operation can be repeated.
          await race([[call], []], others)
          expect(await stateOf()).toBe(after)
        }
    })

    function doneOf(worker: ChildProcess): Promise<false> {
      return new Promise((resolve) => {
        worker.on('message', ({ done }: { done?: true }) => {
          if (done) resolve(false)
        })
      })
    }
  })

  test('what a process was told before it was killed is there, while another one works', async () => {
    for (let round = 0; round < 5; round++) {
      const [doomed, other] = [await start(), await start()]
      const calls = (who: string): Call[] =>
        Array.from({ length: 40 }, (_, at) => insert(`${who} ${round} ${at}`, `principal ${round} ${at}`))
      // Both want the same principals, from both ends.
      await prepare(doomed, calls('doomed'), { side: round % 2 ? 'before' : 'after', at: 20 + round * 7 })
      await prepare(other, calls('other').toReversed())
      const told: { index: number; result: unknown }[] = []
      doomed.on('message', (message: { index: number; result: unknown }) => {
        if ('index' in message) told.push(message)
      })
      const killed = once(doomed, 'exit')
      const done = new Promise<void>((resolve) => {
        other.on('message', ({ done: isDone }: { done?: true }) => {
          if (isDone) resolve()
        })
      })
      for (const worker of [doomed, other]) worker.send({ inTurn: true })
      expect(await killed).toEqual([null, 'SIGKILL'])
      await done
      expect(told.length).toBeGreaterThan(0)
      for (const { index, result } of told)
        expect(await place.store.find(ISSUER, `doomed ${round} ${index}`)).toEqual(result)
      for (let at = 0; at < 40; at++) {
        const holder = await place.store.holderOf(`principal ${round} ${at}`)
        expect([`doomed ${round} ${at}`, `other ${round} ${at}`]).toContain(holder?.subject)
      }
    }
  })
})
