import type { KeyStatus } from './status.ts'

/** How long an answer isCurrent, in milliseconds: other server processes may change the database meanwhile. */
const LIFETIME = 5000

/** Answers kept at most. */
const SIZE = 10_000

/** Remembers for a short time what became of principals. */
export interface StatusCache {
  /** The answer for a key, from memory or from `look`; answers that failed are not kept. */
  get(key: string, look: () => Promise<KeyStatus>): Promise<KeyStatus>
  /** Something changed in this process: nothing that is known, or being looked up, counts any more. */
  clear(): void
}

const caches = new WeakMap<object, StatusCache>()

/** The one cache of a Better Auth instance, shared by its plugin and its resolvers. */
export function statusCacheOf(adapter: object, clock: () => number = Date.now): StatusCache {
  const cache = caches.get(adapter) ?? createStatusCache(clock)
  caches.set(adapter, cache)
  return cache
}

/** @param size - answers kept at most */
export function createStatusCache(clock: () => number, size: number = SIZE): StatusCache {
  const known = new Map<string, { readonly status: KeyStatus; readonly until: number }>()
  let generation = 0

  async function refresh(key: string, look: () => Promise<KeyStatus>): Promise<KeyStatus> {
    const begun = generation
    const until = clock() + LIFETIME
    const status = await look()
    // What was read before a change must not outlive it.
    if (begun !== generation) return status
    known.delete(key)
    known.set(key, { status, until })
    if (known.size > size) known.delete(known.keys().next().value!)
    return status
  }

  return {
    async get(key, look) {
      const found = known.get(key)
      // Not `until <= now`: a clock that was set back must not keep an answer for hours.
      const left = found ? found.until - clock() : 0
      return found && left > 0 && left <= LIFETIME ? found.status : refresh(key, look)
    },
    clear() {
      generation++
      known.clear()
    },
  }
}
