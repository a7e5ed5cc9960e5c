const MIN_DELAY_MS = 1000
const MAX_DELAY_MS = 300_000

/**
 * How long to wait after so many failures in a row: from a second to five minutes, doubled each time. A random half of it keeps all clients of a
 * server that was down from coming back at once.
 *
 * @returns milliseconds
 */
export function backoff(attempt: number): number {
  return Math.min(MIN_DELAY_MS * 2 ** attempt, MAX_DELAY_MS) * (0.5 + Math.random() / 2)
}
