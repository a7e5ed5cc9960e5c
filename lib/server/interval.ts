/**
 * Returns a function that is true once in each interval, from the first call on: for work that need not be done by
 * every request. A clock that was set back must not stop it.
 *
 * @param interval - in milliseconds
 */
export function onceIn(interval: number, clock: () => number): () => boolean {
  let last = 0
  return () => {
    const now = clock()
    if (Math.abs(now - last) < interval) return false
    last = now
    return true
  }
}
