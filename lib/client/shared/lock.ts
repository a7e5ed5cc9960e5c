import { LatchkeyError } from '../../errors.ts'
import { TIMED_OUT, withTimeout } from '../../timeout.ts'
import type { Context } from './context.ts'

/** How long to wait for another tab. A frozen tab can hold a lock indefinitely. */
const LOCK_TIMEOUT_MS = 10_000

/**
 * Runs work in one tab at a time: everything that reads or changes the session at the account server.
 *
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: another tab did not finish in time
 */
export async function exclusively<Value>(context: Context, work: () => Promise<Value>): Promise<Value> {
  const { channel } = context.store
  const locked = (channel ? await tryLock(channel, work) : undefined) ?? (await inTurn(context, work))
  if (locked === TIMED_OUT) throw new LatchkeyError('UPGRADE_IN_PROGRESS', 'another tab did not come to an end')
  return locked.value
}

/**
 * Runs one refresh at a time over all tabs. After a bounded wait it runs without the lock: the cost is one refresh too
 * many.
 */
export async function refreshing<Value>(context: Context, work: () => Promise<Value>): Promise<Value> {
  const { channel } = context.store
  const locked = channel ? await tryLock(`${channel}:token`, work) : undefined
  return locked === undefined || locked === TIMED_OUT ? work() : locked.value
}

interface Locked<Value> {
  readonly value: Value
}

/** Resolves to undefined if the browser has no locks. */
async function tryLock<Value>(
  name: string,
  work: () => Promise<Value>,
): Promise<Locked<Value> | typeof TIMED_OUT | undefined> {
  const locks = globalThis.navigator?.locks
  if (!locks) return undefined
  // The time limit ends once the lock is acquired, since the work may take longer: so this is no `withTimeout`.
  const waiting = new AbortController()
  const timer = setTimeout(() => waiting.abort(TIMED_OUT), LOCK_TIMEOUT_MS)
  try {
    return await locks.request(name, { signal: waiting.signal }, async () => {
      clearTimeout(timer)
      return { value: await work() }
    })
  } catch (error) {
    if (error === TIMED_OUT) return TIMED_OUT
    throw error
  } finally {
    clearTimeout(timer)
  }
}

const turns = new WeakMap<Context, Promise<unknown>>()

async function inTurn<Value>(context: Context, work: () => Promise<Value>): Promise<Locked<Value> | typeof TIMED_OUT> {
  const before = turns.get(context)
  let end = (): void => {}
  const mine = new Promise<void>((resolve) => (end = resolve))
  turns.set(context, Promise.all([before, mine]))
  try {
    if (before && (await withTimeout(before, LOCK_TIMEOUT_MS)) === TIMED_OUT) return TIMED_OUT
    return { value: await work() }
  } finally {
    end()
  }
}
