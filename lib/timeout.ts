/** What `withTimeout` resolves to where the promise was too slow. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/**
 * Waits for a promise for a limited time. The work behind it goes on; its late result is ignored.
 *
 * @param ms - milliseconds
 * @returns what the promise resolved to, or {@link TIMED_OUT}
 */
export async function withTimeout<Value>(promise: PromiseLike<Value>, ms: number): Promise<Value | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<typeof TIMED_OUT>((resolve) => (timer = setTimeout(resolve, ms, TIMED_OUT)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
