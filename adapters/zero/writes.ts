import type { ZeroLike } from './client.ts'

/** What is known of the writes of one instance. */
export interface WriteWatch {
  /** The time of the last write, by the clock that was given; null without one. */
  lastWrite(): number | null
  /** Number of writes of this page that the server has not answered. */
  unanswered(): number
}

/**
 * Watches the writes of a Zero instance, which has no event for them: replaces `mutate` and `mutateBatch` by functions
 * that report each call and pass it on.
 *
 * @param clock - milliseconds
 * @param onWrite - called after each write
 */
export function watchWrites(zero: ZeroLike, clock: () => number, onWrite: () => void): WriteWatch {
  let last: number | null = null
  let waiting = 0
  const written = (result: unknown): void => {
    last = clock()
    onWrite()
    const server = (result as { readonly server?: unknown } | null | undefined)?.server
    if (!(server instanceof Promise)) return
    waiting++
    const answered = (): void => void waiting--
    server.then(answered, answered)
  }
  for (const name of ['mutate', 'mutateBatch'] as const) {
    const member = (zero as { readonly mutateBatch?: unknown } & ZeroLike)[name]
    if (isObject(member)) Object.defineProperty(zero, name, { value: watched(member, written), configurable: true })
  }
  return { lastWrite: () => last, unanswered: () => waiting }
}

/** Zero's older mutators are members of `mutate`: `zero.mutate.note.insert(row)`. */
function watched(target: object, written: (result: unknown) => void): object {
  return new Proxy(target, {
    apply(called, self, parameters) {
      const result = Reflect.apply(called as () => unknown, self, parameters) as unknown
      written(result)
      return result
    },
    get(from, name, receiver) {
      const member = Reflect.get(from, name, receiver) as unknown
      return isObject(member) ? watched(member, written) : member
    },
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
