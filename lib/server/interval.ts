/**
 * Returns a function that sweeps at most once in each interval, at the first call and then again: for what need not be
 * done by every request. A clock that was set back must not stop it. A sweep that fails is no error of the request,
 * which may have used up a proof by then: it is logged, and the next one deletes what this one left.
 *
 * @param interval - in milliseconds
 */
export function sweepIn(interval: number, clock: () => number): (sweep: () => Promise<unknown>) => Promise<void> {
  let last = 0
  return async (sweep) => {
    const now = clock()
    if (Math.abs(now - last) < interval) return
    last = now
    await sweep().catch((error: unknown) => console.error('latchkey: expired rows could not be deleted', error))
  }
}
