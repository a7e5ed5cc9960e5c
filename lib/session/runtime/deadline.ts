import type { SessionTimer } from '../options.ts'

/** What `setTimeout` can wait for; beyond it rings at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Rings once, however long it takes. */
export interface Deadline {
  /** @param delay - milliseconds; never at Infinity */
  set(delay: number): void
  /** Rings now if the clock says that it should have: timers stand still while a device sleeps. */
  check(): void
  /** Rings now if it was set at all. */
  hurry(): void
}

/**
 * Makes an deadline that is not set. It takes the word of whichever got further, the timer or the clock: a timer is late after
 * sleep, and a clock can be turned back.
 */
export function createDeadline(clock: () => number, timer: SessionTimer, ring: () => void): Deadline {
  let left = Infinity
  let since = 0
  let handle: unknown

  const stop = (): void => {
    if (handle !== undefined) timer.clear(handle)
    handle = undefined
    left = Infinity
  }
  const wait = (delay: number): void => {
    stop()
    left = delay
    if (left === Infinity) return
    since = clock()
    const part = Math.min(left, MAX_TIMER_MS)
    handle = timer.set(() => pass(Math.max(part, clock() - since)), part)
  }
  const pass = (time: number): void => {
    const rest = left - time
    if (rest > 0) return wait(rest)
    stop()
    ring()
  }

  return {
    set: wait,
    check: () => void (clock() - since >= left && pass(left)),
    hurry: () => void (left !== Infinity && pass(left)),
  }
}
