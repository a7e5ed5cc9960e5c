/** A clock that stands still until it is moved. */
export interface ManualClock {
  /** Returns milliseconds since 1970. Pass it as `clock`. */
  readonly now: () => number
  /** Moves the clock forwards, or backwards for a negative value. */
  advance(milliseconds: number): void
}

/**
 * Creates a manual clock.
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
