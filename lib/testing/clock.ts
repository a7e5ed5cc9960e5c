/** A clock that stands still until it is moved. */
export interface ManualClock {
  /** Milliseconds since 1970; pass it as `clock`. */
  readonly now: () => number
  /** Moves the clock, back too. */
  advance(milliseconds: number): void
}

/**
 * Makes a clock that stands still.
 *
 * @param start - milliseconds since 1970
 */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let time = start
  return {
    now: () => time,
    advance(milliseconds) {
      time += milliseconds
    },
  }
}
