import type { Context } from './context.ts'

/** Stops waiting once a signal aborts. The work itself continues; its late result is ignored. */
export async function unlessAborted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  let giveUp = (): void => {}
  const aborted = new Promise<never>((_, reject) => (giveUp = () => reject(signal.reason)))
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp)
  try {
    return await Promise.race([aborted, work])
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
