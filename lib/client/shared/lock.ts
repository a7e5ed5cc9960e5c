import { LatchkeyError } from '../../errors.ts'
import { writingUntil } from './abort.ts'
import type { Context } from './context.ts'
import { type Locks, localLocks } from './local-locks.ts'

/** How long to wait for another tab. A frozen tab can hold a lock indefinitely. */
const LOCK_TIMEOUT_MS = 10_000

/**
 * Runs work in one tab at a time: everything that reads or changes the session at the account server.
 *
 * @param turn - ends the wait for another act
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: another act did not end in time; the reason of `turn`
 */
export async function exclusively<Value>(
  context: Context,
  work: () => Promise<Value>,
  turn?: AbortSignal,
): Promise<Value> {
  for (const look of looks.get(context) ?? []) look.abort(new LatchkeyError('UPGRADE_IN_PROGRESS'))
  const { locks, name } = locksOf(context)
  const locked = await tryLock(locks, name, () => locks.request(`${name}:look`, { steal: true }, work), turn)
  if (!locked) turn?.throwIfAborted()
  if (!locked) throw new LatchkeyError('UPGRADE_IN_PROGRESS')
  return locked.value
}

const looks = new WeakMap<Context, Set<AbortController>>()

/**
 * Background work, which gives way to every act of this tab from its beginning on.
 *
 * @param work - its turn ends with the act that takes precedence: what it asks of the account server has to end with it
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: it gave way
 */
export async function givingWay<Value>(
  context: Context,
  work: (turn: AbortController) => Promise<Value>,
): Promise<Value> {
  const turn = new AbortController()
  const running = looks.get(context) ?? new Set()
  looks.set(context, running.add(turn))
  try {
    return await work(turn)
  } finally {
    running.delete(turn)
  }
}

/**
 * The part of background work that changes something: once at a time over all tabs, and not beside an act.
 *
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: an act took precedence, or the wait was too long
 */
export async function whileNoAct<Value>(
  context: Context,
  turn: AbortController,
  work: (context: Context) => Promise<Value>,
): Promise<Value> {
  const { locks, name } = locksOf(context)
  const { signal } = turn
  try {
    const locked = await tryLock(locks, `${name}:look`, () => work(writingUntil(context, signal)), signal)
    if (locked) return locked.value
  } catch (error) {
    // The lock was taken away for an act of another tab, while the work still goes on.
    if ((error as Error | null)?.name !== 'AbortError') throw error
  }
  const gaveWay = new LatchkeyError('UPGRADE_IN_PROGRESS')
  turn.abort(gaveWay)
  throw gaveWay
}

/**
 * Runs one refresh at a time over all tabs. After a bounded wait it runs without the lock: the cost is one refresh too
 * many.
 */
export async function refreshing<Value>(context: Context, work: () => Promise<Value>): Promise<Value> {
  const { locks, name } = locksOf(context)
  const locked = await tryLock(locks, `${name}:token`, work)
  return locked ? locked.value : work()
}

const local = new WeakMap<Context, Locks>()

/** The browser's locks over all tabs of the store; without them, or with a store of one's own, this tab's alone. */
function locksOf(context: Context): { locks: Locks; name: string } {
  const { channel } = context.store
  const { locks } = (globalThis.navigator ?? {}) as { locks?: Locks }
  if (channel && locks) return { locks, name: channel }
  const own = local.get(context) ?? localLocks()
  local.set(context, own)
  return { locks: own, name: '' }
}

/** Resolves to undefined if the lock was not acquired in time. */
async function tryLock<Value>(
  locks: Locks,
  name: string,
  work: () => Promise<Value>,
  turn?: AbortSignal,
): Promise<{ readonly value: Value } | undefined> {
  turn?.throwIfAborted()
  const waiting = new AbortController()
  const giveUp = (): void => waiting.abort(GAVE_UP)
  // The timer ends when the lock is had, so this is no `withTimeout`: the work itself may take longer.
  const timer = setTimeout(giveUp, LOCK_TIMEOUT_MS)
  turn?.addEventListener('abort', giveUp)
  try {
    return await locks.request(name, { signal: waiting.signal }, async () => {
      clearTimeout(timer)
      return { value: await work() }
    })
  } catch (error) {
    if (error === GAVE_UP) return undefined
    throw error
  } finally {
    clearTimeout(timer)
    turn?.removeEventListener('abort', giveUp)
  }
}

const GAVE_UP = Symbol('gave up')
