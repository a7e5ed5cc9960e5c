import { createHash } from 'node:crypto'
import type { BetterAuthOptions } from 'better-auth'
import type { Redis } from 'ioredis'
import type { ReplayStorage } from '../better-auth/index.ts'
import { Refusal, loadPeer } from './refusal.ts'

/** A Redis that several servers share. */
export interface OpenRedis {
  /** The part of Better Auth's secondary storage that counts. */
  readonly storage: ReplayStorage
  /** Rejects if Redis does not respond. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Time limit for a connection and for a response, in milliseconds. */
const REDIS_TIMEOUT_MS = 5000

/**
 * Connects, and checks that Redis does not evict keys: a used proof whose key is evicted could be replayed.
 *
 * @param onError - called when a connection breaks; it is reconnected automatically
 * @throws {Refusal} Redis does not respond, it evicts keys, or its packages are not installed
 */
export async function openRedis(url: string, onError: (error: Error) => void): Promise<OpenRedis> {
  const { Redis } = await loadPeer('ioredis', () => import('ioredis'))
  const { redisStorage } = await loadPeer('@better-auth/redis-storage', () => import('@better-auth/redis-storage'))
  // A request is refused instead of waiting for an unavailable Redis.
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: REDIS_TIMEOUT_MS,
    commandTimeout: REDIS_TIMEOUT_MS,
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
    // The message can quote the URL, including the password.
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

/** @returns the eviction policy; undefined if Redis does not reveal it */
async function policyOf(client: Redis): Promise<string | undefined> {
  const information = await client.info('memory')
  return /^maxmemory_policy:(\S+)/m.exec(information)?.[1]
}

function refuseEviction(policy: string | undefined): void {
  if (policy === undefined || policy === 'noeviction') return
  throw new Refusal(
    `Redis evicts keys when its memory is full (${policy}), so a used proof could be replayed. ` +
      'Set maxmemory-policy to noeviction.',
  )
}

type RateLimitStorage = NonNullable<NonNullable<BetterAuthOptions['rateLimit']>['customStorage']>

/**
 * Rate limit storage with Better Auth's own rule. Better Auth does not get the secondary storage itself: it would also
 * store its sessions there.
 */
export function limitBy({ storage }: OpenRedis): RateLimitStorage {
  return {
    async consume(key, { window, max }) {
      // A key contains the request's path, whose length is not limited.
      const name = createHash('sha256').update(key).digest('base64url')
      const allowed = (await storage.increment(`latchkey:limit:${name}`, window)) <= max
      return { allowed, retryAfter: allowed ? null : window }
    },
  }
}
