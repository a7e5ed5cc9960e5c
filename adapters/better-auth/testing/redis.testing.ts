import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { redisStorage } from '@better-auth/redis-storage'
import type { SecondaryStorage } from 'better-auth'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { startOnPort, untilPrinted } from '../../../e2e/tools/servers/on-port.mjs'

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
 * @param port - that of one that has ended; by default one of its own
 */
export async function startRedis(flags: readonly string[] = [], port?: number): Promise<TestRedis> {
  if (port === undefined) return startOnPort((own) => startRedis(flags, own))
  const child = spawn('redis-server', [
    '--port',
    String(port),
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
  await untilPrinted(child, 'Ready to accept connections')
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
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
