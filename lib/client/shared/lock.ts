import type { Runtime } from './context.ts'

/** How long to wait for another tab, in milliseconds. A frozen one can hold a lock for ever. */
const PATIENCE = 10_000

/**
 * One at a time over all tabs: whoever talks to the account server about who is signed in there.
 *
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: another tab did not come to an end in time
 */
export async function exclusively<Value>(runtime: Runtime, work: () => Promise<Value>): Promise<Value> {
  const { channel } = runtime.store
  const locked = (channel ? await tryLock(channel, work) : undefined) ?? (await inTurn(runtime, work))
  if (locked === LATE) throw runtime.core.fail('UPGRADE_IN_PROGRESS', 'another tab did not come to an end')
  return locked.value
}

/** One refresh at a time over all tabs; after a bounded wait without the lock, which only means one refresh too many. */
export async function refreshing<Value>(runtime: Runtime, work: () => Promise<Value>): Promise<Value> {
  const { channel } = runtime.store
  const locked = channel ? await tryLock(`${channel}:token`, work) : undefined
  return locked === undefined || locked === LATE ? work() : locked.value
}

const LATE = Symbol('late')

interface Locked<Value> {
  readonly value: Value
}

/** Undefined where the browser has no locks. */
async function tryLock<Value>(
  name: string,
  work: () => Promise<Value>,
): Promise<Locked<Value> | typeof LATE | undefined> {
  const locks = globalThis.navigator?.locks
  if (!locks) return undefined
  const waiting = new AbortController()
  const timer = setTimeout(() => waiting.abort(LATE), PATIENCE)
  try {
    return await locks.request(name, { signal: waiting.signal }, async () => {
      clearTimeout(timer)
      return { value: await work() }
    })
  } catch (error) {
    if (error === LATE) return LATE
    throw error
  } finally {
    clearTimeout(timer)
  }
}

const turns = new WeakMap<Runtime, Promise<unknown>>()

async function inTurn<Value>(runtime: Runtime, work: () => Promise<Value>): Promise<Locked<Value> | typeof LATE> {
  const before = turns.get(runtime)
  let end = (): void => {}
  const mine = new Promise<void>((resolve) => (end = resolve))
  turns.set(runtime, Promise.all([before, mine]))
  try {
    return (await inTime(before)) ? { value: await work() } : LATE
  } finally {
    end()
  }
}

async function inTime(before: Promise<unknown> | undefined): Promise<boolean> {
  if (!before) return true
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, PATIENCE, false)))
  return Promise.race([before.then(() => true), patience]).finally(() => clearTimeout(timer))
}
