import { createHash } from 'node:crypto'
import type { BetterAuthOptions } from 'better-auth'
import type { Redis } from 'ioredis'
import type { ReplayStorage } from '../better-auth/index.ts'
import { Refusal, loadPeer } from './refusal.ts'

/** A Redis that several servers share. */
export interface OpenRedis {
  /** Better Auth's secondary storage, as far as it counts. */
  readonly storage: ReplayStorage
  /** Rejects where it does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** How long a connection, and an answer, may take, in milliseconds. */
const PATIENCE = 5000

/**
 * Connects, and makes sure that Redis forgets nothing before its time: a used proof that is forgotten works again.
 *
 * @param onError - hears of a connection that breaks; it is made again by itself
 * @throws {Refusal} it does not answer, it evicts, or its packages are not installed
 */
export async function openRedis(url: string, onError: (error: Error) => void): Promise<OpenRedis> {
  const { Redis } = await loadPeer('ioredis', () => import('ioredis'))
  const { redisStorage } = await loadPeer('@better-auth/redis-storage', () => import('@better-auth/redis-storage'))
  // A request is refused rather than kept waiting for a Redis that is gone.
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE,
    commandTimeout: PATIENCE,
    maxRetriesPerRequest: 1,
  })
  try {
    let last: Error | undefined
    client.on('error', (error: Error) => (last = error))
    await client.connect().catch((error: unknown) => Promise.reject(last ?? error))
    refuseEviction(await policyOf(client))
  } catch (error) {
    client.disconnect()
    if (error instanceof Refusal) throw error
    // The message can quote the address, and with it the password.
    throw new Refusal(
      `Cannot connect to Redis (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}). Check --redis.`,
    )
  }
  client.removeAllListeners('error').on('error', onError)
  return {
    storage: redisStorage({ client, keyPrefix: '' }),
    ping: async () => void (await client.ping()),
    close: async () => void (await client.quit().catch(() => client.disconnect())),
  }
}

/** @returns what it does when its memory is full; undefined where it does not say */
async function policyOf(client: Redis): Promise<string | undefined> {
  const information = await client.info('memory')
  return /^maxmemory_policy:(\S+)/m.exec(information)?.[1]
}

function refuseEviction(policy: string | undefined): void {
  if (policy === undefined || policy === 'noeviction') return
  throw new Refusal(
    `Redis evicts keys when its memory is full (${policy}), so a used proof could be replayed. Set maxmemory-policy to noeviction.`,
  )
}

type RateLimitStorage = NonNullable<NonNullable<BetterAuthOptions['rateLimit']>['customStorage']>

/**
 * Better Auth's own rule for a secondary storage. It is not given the storage itself: it would keep its sessions there,
 * too.
 */
export function limitBy({ storage }: OpenRedis): RateLimitStorage {
  return {
    async consume(key, { window, max }) {
      // A key has the path in it, which is as long as somebody likes.
      const name = createHash('sha256').update(key).digest('base64url')
      const allowed = (await storage.increment(`latchkey:limit:${name}`, window)) <= max
      return { allowed, retryAfter: allowed ? null : window }
    },
  }
}
