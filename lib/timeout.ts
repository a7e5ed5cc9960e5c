/**
 * Waits for a promise for a limited time. The underlying work continues; its late result is ignored.
 *
 * @param ms - milliseconds
 * @param late - called if the promise was too slow; what it returns or throws is then the result
 */
export async function withTimeout<Value, Late>(
  promise: PromiseLike<Value>,
  ms: number,
  late: () => Late | PromiseLike<Late>,
): Promise<Value | Late> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  return Promise.race([promise, timeout.then(late)]).finally(() => clearTimeout(timer))
}
