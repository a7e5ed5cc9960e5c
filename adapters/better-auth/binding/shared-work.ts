import { withTimeout } from '../../../lib/server-kit.ts'

/** How long a request waits for work that another one began, in milliseconds. */
const SHARED_WORK_TIMEOUT_MS = 10_000

/**
 * Waits for work that another request may have begun. In Workers its queries end with that request, and the promise
 * never settles.
 *
 * @param late - called if it takes too long; what it returns is then the result
 */
export function awaitShared<Value, Late>(
  work: Promise<Value>,
  late: () => Late | PromiseLike<Late>,
): Promise<Value | Late> {
  return withTimeout(work, SHARED_WORK_TIMEOUT_MS, late)
}
