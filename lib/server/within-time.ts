import { withTimeout } from '../timeout.ts'

/**
 * Asks another server in bounded time. The signal fires once the result no longer counts, also because it has arrived;
 * work that ignores it is not waited for.
 *
 * @param milliseconds - for the whole of the work
 * @param late - makes the error if there is no result in time
 */
export async function withinTime<Value>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Value>,
  late: () => Error,
): Promise<Value> {
  const controller = new AbortController()
  try {
    return await withTimeout(work(controller.signal), milliseconds, (): never => {
      throw late()
    })
  } finally {
    controller.abort()
  }
}
