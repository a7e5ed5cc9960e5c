/** Limits a rate per minute. */
export interface Limit {
  /** @returns false if the limit of this minute is reached */
  take(): boolean
}

const MINUTE_MS = 60_000

/**
 * Creates a limit of requests a minute in this process.
 *
 * @param most - largest number per minute
 */
export function createLimit(most: number, clock: () => number): Limit {
  let minute = Number.NaN
  let count = 0
  return {
    take() {
      const present = Math.floor(clock() / MINUTE_MS)
      if (present !== minute) count = 0
      minute = present
      count++
      return count <= most
    },
  }
}
