import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { redisStorage } from '@better-auth/redis-storage'
import type { SecondaryStorage } from 'better-auth'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { freePort } from './postgres.testing.ts'

/** True if Redis can be started here; Debian's package is `redis-server`. */
export const HAS_REDIS: boolean = spawnSync('redis-server', ['--version']).status === 0

/** A Redis for one test. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Kills the process. */
  stop(): Promise<void>
}

/**
 * Starts a Redis on the loopback interface, without persistence.
 *
 * @param flags - further flags of `redis-server`
 */
export async function startRedis(flags: readonly string[] = [], port?: number): Promise<TestRedis> {
  const chosen = port ?? (await freePort())
  const child = spawn('redis-server', [
    '--port',
    String(chosen),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    tmpdir(),
    ...flags,
  ])
  await ready(child)
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

/** A Redis for one file of tests. */
export interface SharedRedis {
  /**
   * Opens a connection, as Better Auth's secondary storage.
   *
   * @param space - servers with the same one share their keys; by default none do
   */
  open(space?: string): SecondaryStorage & Required<Pick<SecondaryStorage, 'increment'>>
  /** Returns how many seconds each key lives; -1 for one that stays. */
  lives(pattern: string): Promise<number[]>
}

/** Starts a Redis before the tests of a file, and stops it afterwards. Call it only if there is one. */
export function sharedRedis(): SharedRedis {
  let server: TestRedis | undefined
  const clients: Redis[] = []
  const connect = (): Redis => {
    const client = new Redis(server!.url)
    clients.push(client)
    return client
  }
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    for (const client of clients) client.disconnect()
    await server?.stop()
  })
  return {
    open: (space = crypto.randomUUID()) => redisStorage({ client: connect(), keyPrefix: `${space}:` }),
    async lives(pattern) {
      const client = connect()
      return Promise.all((await client.keys(pattern)).map((key) => client.ttl(key)))
    },
  }
}

function ready({ stdout }: ChildProcess): Promise<void> {
  let output = ''
  return new Promise((resolve, reject) => {
    stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('Ready to accept connections')) resolve()
    })
    stdout!.once('end', () => reject(new Error(`redis-server ended: ${output}`)))
  })
}
