import type { Awaitable } from '../../../lib/server-kit.ts'
import type { KeyStatus } from './status.ts'

/** How long a cached status is used, in milliseconds: other server processes may change the database meanwhile. */
const STATUS_LIFETIME_MS = 5000

/** Largest number of cached statuses. */
const MAX_STATUSES = 10_000

/** Caches the status of device keys for a short time. */
export interface StatusCache {
  /** Returns the status of a key, cached or from `look`. Errors are not cached. */
  get(key: string, look: () => Promise<KeyStatus>): Awaitable<KeyStatus>
  /** Call it after a change in this process: drops all cached statuses, and those that are being looked up. */
  clear(): void
  /** Like {@link StatusCache.clear}, for one key. */
  forget(key: string): void
}

/** Returns the key of a session's status. No principal contains a space. */
export function sessionKey(sid: string): string {
  return `session ${sid}`
}

const caches = new WeakMap<object, StatusCache>()

/** Returns the only cache of a Better Auth instance, shared by its plugin and its resolvers. */
export function statusCacheOf(adapter: object, clock: () => number = Date.now): StatusCache {
  const cache = caches.get(adapter) ?? createStatusCache(clock)
  caches.set(adapter, cache)
  return cache
}

/** @param size - largest number of cached statuses */
export function createStatusCache(clock: () => number, size: number = MAX_STATUSES): StatusCache {
  const known = new Map<string, { readonly status: KeyStatus; readonly until: number }>()
  let generation = 0

  async function refresh(key: string, look: () => Promise<KeyStatus>): Promise<KeyStatus> {
    const begun = generation
    const until = clock() + STATUS_LIFETIME_MS
    const status = await look()
    // A status that was read before a change must not be cached after it.
    if (begun !== generation) return status
    known.delete(key)
    known.set(key, { status, until })
    if (known.size > size) known.delete(known.keys().next().value!)
    return status
  }

  return {
    get(key, look) {
      const found = known.get(key)
      // Not `until <= now`: after a clock was set back, a status must not be cached for hours.
      const left = found ? found.until - clock() : 0
      return found && left > 0 && left <= STATUS_LIFETIME_MS ? found.status : refresh(key, look)
    },
    clear() {
      generation++
      known.clear()
    },
    forget(key) {
      generation++
      known.delete(key)
    },
  }
}
