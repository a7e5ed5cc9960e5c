import type { Context } from './context.ts'

/** Stops waiting once a signal aborts. The work itself continues; its late result is ignored. */
export async function unlessAborted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  signal.throwIfAborted()
  let giveUp = (): void => {}
  const aborted = new Promise<never>((_, reject) => (giveUp = () => reject(signal.reason)))
  signal.addEventListener('abort', giveUp)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Returns a context whose writes fail once a signal aborts, inside their transaction. */
export function writingUntil(context: Context, signal: AbortSignal): Context {
  return {
    ...context,
    write: (updater, how) => context.write((found) => (signal.throwIfAborted(), updater(found)), how),
  }
}
