import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { type ReplayStore, replayStoreAcceptance, type TestDevice, testDevice } from '../../lib/testing.ts'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import { HAS_REDIS, type TestRedis, startRedis } from '../better-auth/testing/redis.testing.ts'
import { type RunningServer, run, startServer } from './cli.testing.ts'
import { openRedis } from './redis.ts'

const BASE = 'https://id.example'
const ENVIRONMENT = {
  LATCHKEY_SECRET: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
  LATCHKEY_BASE_URL: BASE,
  LATCHKEY_ALLOW_LOCAL_FIRST: 'true',
  LATCHKEY_PROXY_HEADER: 'x-client-address',
}
const ended: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end()
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-shared-'))
  ended.push(() => rmSync(folder, { recursive: true }))
  return folder
}

async function server(environment: Record<string, string>): Promise<RunningServer> {
  const running = await startServer(['serve'], { ...ENVIRONMENT, ...environment })
  ended.push(() => running.child.exitCode === null && running.stop('SIGKILL'))
  return running
}

async function redis(flags?: readonly string[]): Promise<TestRedis> {
  const started = await startRedis(flags)
  ended.push(() => started.stop())
  return started
}

const post = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', origin: BASE, ...headers },
  body: JSON.stringify(body),
})

/** Asks for a nonce, which is allowed twenty times a minute and address; none is given without a session. */
const knock = async ({ ask }: RunningServer, address: string): Promise<number> =>
  (await ask('/api/auth/latchkey/challenge', post({ purpose: 'bind' }, { 'x-client-address': address }))).status

async function exchange({ ask }: RunningServer, proof: string): Promise<{ status: number; code: unknown }> {
  const grant = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
    subject_token: proof,
    audience: BASE,
  }
  const answer = await ask('/api/auth/latchkey/token', post(grant))
  return { status: answer.status, code: ((await answer.json().catch(() => ({}))) as { code?: unknown }).code }
}

const proofOf = (device: TestDevice): Promise<string> =>
  device.proof({ audience: `${BASE}/api/auth`, purpose: 'exchange' })

/** Twenty in all are let through, whichever server they come to, and only from this address. */
async function expectOneLimit(servers: readonly RunningServer[]): Promise<void> {
  const statuses: number[] = []
  for (let time = 0; time < 20; time++) statuses.push(await knock(servers[time % servers.length]!, '192.0.2.1'))
  expect(new Set(statuses)).toEqual(new Set([401]))
  for (const one of servers) expect([await knock(one, '192.0.2.1'), await knock(one, '192.0.2.2')]).toEqual([429, 401])
}

test('two servers on one Postgres share one rate limit', async () => {
  const LATCHKEY_DATABASE = await newPostgres()
  await expectOneLimit(await Promise.all([server({ LATCHKEY_DATABASE }), server({ LATCHKEY_DATABASE })]))
})

if (!HAS_REDIS)
  console.warn(
    'SKIPPED: the tests with Redis, since there is no redis-server here (Debian: apt-get install redis-server)',
  )

/** Two servers that have nothing in common but Redis. */
async function pair({ url }: TestRedis): Promise<[RunningServer, RunningServer]> {
  const one = (): Promise<RunningServer> => server({ LATCHKEY_DATA_DIR: newFolder(), LATCHKEY_REDIS: url })
  return Promise.all([one(), one()])
}

describe.skipIf(!HAS_REDIS)('latchkey serve with Redis', () => {
  const open = async (): Promise<ReplayStore> => {
    const { storage, close } = await openRedis((await redis()).url, () => {})
    ended.push(close)
    return storage
  }
  for (const { name, run } of replayStoreAcceptance(open)) test(`the store of used proofs: ${name}`, run)

  test('two servers share one rate limit', async () => {
    await expectOneLimit(await pair(await redis()))
  })

  test('a proof that comes to two servers at once works at one of them', async () => {
    const shared = await redis()
    const servers = await pair(shared)
    const device = await testDevice()
    for (let round = 0; round < 10; round++) {
      const proof = await proofOf(device)
      const answers = await Promise.all(servers.map((one) => exchange(one, proof)))
      expect(answers.map(({ status, code }) => code ?? status).sort()).toEqual([200, 'PROOF_REPLAYED'])
      expect(await exchange(servers[0], proof)).toEqual({ status: 400, code: 'PROOF_REPLAYED' })
    }
  })

  test('Redis holds counters that expire, and nothing of anybody: no session, no address, no token', async () => {
    const shared = await redis()
    const [one] = await pair(shared)
    await exchange(one, await proofOf(await testDevice()))
    const signUp = await one.ask(
      '/api/auth/sign-up/email',
      post(
        { email: 'ada@example.com', password: 'correct horse battery', name: 'Ada' },
        { 'x-client-address': '192.0.2.7' },
      ),
    )
    expect(signUp.status).toBe(200)
    const client = new Redis(shared.url)
    ended.push(() => client.disconnect())
    const keys = await client.keys('*')
    expect(keys.length).toBeGreaterThan(2)
    for (const key of keys) {
      expect(key).toMatch(/^latchkey:(once:[\w-]{22}|limit:[\w-]{43})$/)
      expect(await client.get(key)).toBe('1')
      expect(await client.ttl(key)).toBeGreaterThan(0)
      expect(await client.ttl(key)).toBeLessThanOrEqual(420)
    }
  })

  test('while Redis is down nothing is let through, and it recovers automatically when Redis is back', async () => {
    const first = await redis()
    const [one] = await pair(first)
    const device = await testDevice()
    expect((await one.ask('/health')).status).toBe(200)
    await first.stop()
    expect((await one.ask('/health')).status).toBe(503)
    expect(await exchange(one, await proofOf(device))).toEqual({ status: 500, code: undefined })
    const second = await startRedis([], first.port)
    ended.push(() => second.stop())
    await expect.poll(async () => (await one.ask('/health')).status).toBe(200)
    expect((await exchange(one, await proofOf(device))).status).toBe(200)
    expect(await one.stop()).toBe(0)
  })

  test('a Redis that evicts keys, that requires another password, or that is not there, is refused in one sentence', async () => {
    const [forgetful, guarded] = [
      await redis(['--maxmemory', '8mb', '--maxmemory-policy', 'allkeys-lru']),
      await redis(['--requirepass', 'another one']),
    ]
    const start = (url: string): ReturnType<typeof run> =>
      run(['serve', '--port', '0'], {
        environment: { ...ENVIRONMENT, LATCHKEY_DATA_DIR: newFolder(), LATCHKEY_REDIS: url },
      })
    const outcomes = await Promise.all([
      start(forgetful.url),
      start(guarded.url.replace('//', '//:hunter2hunter2@')),
      start('redis://:hunter2hunter2@127.0.0.1:1'),
    ])
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1])
    expect(outcomes[0].stderr).toMatch(/allkeys-lru.*Set maxmemory-policy to noeviction\.\n$/)
    expect(outcomes[1].stderr).toContain('Cannot connect to Redis')
    expect(outcomes[2].stderr).toContain('Cannot connect to Redis (ECONNREFUSED). Check --redis.')
    expect(outcomes.map(({ stdout, stderr }) => stdout + stderr).join()).not.toContain('hunter2')
  })
})
