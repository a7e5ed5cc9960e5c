/** Counts what is done a minute. */
export interface Limit {
  /** @returns false: enough was done in this minute */
  take(): boolean
}

const MINUTE = 60_000

/** @param most - times a minute */
export function createLimit(most: number, clock: () => number): Limit {
  let minute = Number.NaN
  let count = 0
  return {
    take() {
      const present = Math.floor(clock() / MINUTE)
      if (present !== minute) count = 0
      minute = present
      count++
      return count <= most
    },
  }
}
