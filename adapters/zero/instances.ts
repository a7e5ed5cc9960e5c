import type { SessionTimer } from '../../lib/session.ts'
import type { ZeroLike, ZeroState } from './client.ts'
import { type WriteWatch, watchWrites } from './writes.ts'

/**
 * Zero writes a mutation to disk after 500 ms and at the latest a second after that, and `close` does not wait for it.
 * The rest is for the write itself.
 */
export const PERSIST_MS = 3000

/** How long an alias's client stays connected after its last write was answered. Zero does not say that it sent all. */
export const DRAIN_MS = 30_000

/** One Zero client. Its storage, and so its outbox, belongs to one principal. */
export interface Instance<Zero extends ZeroLike> {
  readonly zero: Zero
  readonly principal: string
  /** Puts a token in place, and connects again after a refusal or an error. */
  put(token: string): void
  /** The token that was put in place last. */
  token(): string | null
}

/** The Zero clients of this page, at most one for each principal. */
export interface Instances<Zero extends ZeroLike> {
  /** The client of a principal, created if there is none; null while its data is deleted. */
  open(principal: string): Instance<Zero> | null
  /** All clients, in the order of their creation. */
  all(): readonly Instance<Zero>[]
  /** Closes a client once its last write is on disk. `open` before that keeps it. */
  retire(principal: string): void
  /** Closes a client once the server has had the time to take its writes. */
  drain(principal: string): void
  /** Closes a client whose stored state is gone, and creates another one. */
  replace(principal: string): void
  /**
   * Deletes the stored data of all clients since the start, unsent writes included. Rejects with what a deletion throws
   * or names as its error, once all have ended.
   */
  deleteAll(): Promise<void>
}

/** What the clients need of the app. */
export interface InstanceParts<Zero extends ZeroLike> {
  create(principal: string): Zero
  readonly clock: () => number
  readonly timer: SessionTimer
  /** Called after each local write. */
  onWrite(): void
  /** Called with each state of a client. */
  onState(instance: Instance<Zero>, state: ZeroState): void
  /** Called when the deletion of one principal's data has ended. */
  onDeleted(): void
  /** Receives what `close` throws. */
  fault(error: unknown): void
}

interface Held<Zero extends ZeroLike> extends Instance<Zero> {
  readonly writes: WriteWatch
  readonly unsubscribe: () => void
  /** The timer that ends it; null while it is used. */
  ending: unknown
}

/** Creates the set of clients, which is empty at first. */
export function createInstances<Zero extends ZeroLike>(parts: InstanceParts<Zero>): Instances<Zero> {
  const { clock, timer, fault } = parts
  const held = new Map<string, Held<Zero>>()
  /** The last closed client of each principal: `delete` works on it too. */
  const closed = new Map<string, Zero>()
  /** By principal. A client that is created meanwhile would lose its storage. */
  const deletions = new Map<string, Promise<void>>()

  function create(principal: string): Held<Zero> {
    const zero = parts.create(principal)
    let token: string | null = null
    const instance: Held<Zero> = {
      zero,
      principal,
      put(given) {
        token = given
        zero.connection.connect({ auth: given }).catch(fault)
      },
      token: () => token,
      writes: watchWrites(zero, clock, parts.onWrite),
      unsubscribe: zero.connection.state.subscribe((state) => {
        if (held.get(principal)?.zero === zero) parts.onState(instance, state)
      }),
      ending: null,
    }
    held.set(principal, instance)
    closed.delete(principal)
    return instance
  }
  function forget({ principal, zero, unsubscribe, ending }: Held<Zero>): void {
    timer.clear(ending)
    unsubscribe()
    held.delete(principal)
    closed.set(principal, zero)
  }
  function close(instance: Held<Zero>): void {
    forget(instance)
    instance.zero.close().catch(fault)
  }
  /** Closes a client when `wait` says 0 milliseconds; asks again after the time that it says otherwise. */
  function endAfter(principal: string, wait: (instance: Held<Zero>) => number): void {
    const instance = held.get(principal)
    if (!instance) return
    timer.clear(instance.ending)
    const check = (): void => {
      const milliseconds = wait(instance)
      if (milliseconds > 0) instance.ending = timer.set(check, milliseconds)
      else close(instance)
    }
    check()
  }
  async function erase(principal: string, zero: Zero): Promise<void> {
    // Zero 1.9 resolves with `errors` if a database was not deleted.
    const { errors = [] } = ((await zero.delete()) ?? {}) as { readonly errors?: readonly unknown[] }
    if (errors.length > 0) throw errors[0]
    if (closed.get(principal) === zero) closed.delete(principal)
  }
  function untilStored({ writes }: Held<Zero>): number {
    const last = writes.lastWrite()
    // Not by more than the whole time, if the clock was set back.
    return last === null ? 0 : Math.min(PERSIST_MS, last + PERSIST_MS - clock())
  }

  return {
    open(principal) {
      const found = held.get(principal)
      if (!found) return deletions.has(principal) ? null : create(principal)
      timer.clear(found.ending)
      found.ending = null
      return found
    },
    all: () => [...held.values()],
    retire: (principal) => endAfter(principal, untilStored),
    drain(principal) {
      let isConnected = false
      endAfter(principal, (instance) => {
        const wasConnected = isConnected
        isConnected = instance.zero.connection.state.current.name === 'connected'
        if (wasConnected && isConnected && instance.writes.unanswered() === 0) return untilStored(instance)
        return DRAIN_MS
      })
    },
    replace(principal) {
      const instance = held.get(principal)
      if (!instance) return
      const token = instance.token()
      close(instance)
      const next = create(principal)
      if (token !== null) next.put(token)
    },
    async deleteAll() {
      for (const instance of held.values()) forget(instance)
      for (const [principal, zero] of closed) {
        if (deletions.has(principal)) continue
        const erased = erase(principal, zero).finally(() => {
          deletions.delete(principal)
          parts.onDeleted()
        })
        deletions.set(principal, erased)
      }
      const all = [...deletions.values()]
      await Promise.allSettled(all)
      await Promise.all(all)
    },
  }
}
