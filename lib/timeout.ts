/** The result of `withTimeout` if the promise was too slow. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/**
 * Waits for a promise for a limited time. The underlying work continues; its late result is ignored.
 *
 * @param ms - milliseconds
 * @returns the promise's result, or {@link TIMED_OUT}
 */
export async function withTimeout<Value>(promise: PromiseLike<Value>, ms: number): Promise<Value | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<typeof TIMED_OUT>((resolve) => (timer = setTimeout(resolve, ms, TIMED_OUT)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
