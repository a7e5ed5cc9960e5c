const MIN_DELAY_MS = 1000
const MAX_DELAY_MS = 300_000

/**
 * Returns the wait before the next attempt: from a second to five minutes, doubled on each failure. Half of it is
 * random, so that the clients of a recovered server do not all reconnect at once.
 *
 * @param attempt - failures in a row so far
 *
 * @returns milliseconds
 */
export function backoff(attempt: number): number {
  return Math.min(MIN_DELAY_MS * 2 ** attempt, MAX_DELAY_MS) * (0.5 + Math.random() / 2)
}
