import type { SessionTimer } from '../options.ts'

/** The longest delay of `setTimeout`, in milliseconds; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Fires once after a delay of any length. */
export interface Deadline {
  /** @param delay - milliseconds; Infinity cancels */
  set(delay: number): void
  /** Fires now if the clock says that it is overdue: timers stand still while a device sleeps. */
  check(): void
  /** Fires now if it is set. */
  hurry(): void
}

/**
 * Creates a deadline that is not set. Elapsed time is the larger of what the timer and the clock say: a timer is late
 * after sleep, and a clock can be set back.
 */
export function createDeadline(clock: () => number, timer: SessionTimer, onDue: () => void): Deadline {
  let left = Infinity
  let since = 0
  let handle: unknown

  const cancel = (): void => {
    if (handle !== undefined) timer.clear(handle)
    handle = undefined
    left = Infinity
  }
  const wait = (delay: number): void => {
    cancel()
    left = delay
    if (left === Infinity) return
    since = clock()
    const part = Math.min(left, MAX_TIMER_MS)
    handle = timer.set(() => pass(Math.max(part, clock() - since)), part)
  }
  const pass = (elapsed: number): void => {
    const rest = left - elapsed
    if (rest > 0) return wait(rest)
    cancel()
    onDue()
  }

  return {
    set: wait,
    check: () => void (clock() - since >= left && pass(left)),
    hurry: () => void (left !== Infinity && pass(left)),
  }
}
