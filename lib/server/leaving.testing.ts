import { vi } from 'vitest'

/** Tells a test that a query was sent. */
interface Asking {
  readonly isAsked: Promise<void>
  /** Tells, and returns a promise that never settles. */
  readonly asked: () => Promise<never>
}

/** A query that never returns. */
export function neverAnswered(): Asking {
  let tell = (): void => {}
  const isAsked = new Promise<void>((resolve) => (tell = resolve))
  return {
    isAsked,
    asked() {
      tell()
      return new Promise<never>(() => {})
    },
  }
}

/**
 * Begins a request whose client leaves at a query: in Workers, its timers end with it. The timers of the requests after
 * it fire at once, until `vi.restoreAllMocks()`.
 */
export async function leave(begin: () => unknown, isAsked: Promise<void>): Promise<void> {
  const { setTimeout: start } = globalThis
  const timers = vi.spyOn(globalThis, 'setTimeout').mockReturnValue(0 as never)
  void begin()
  await isAsked
  timers.mockImplementation(((run: () => void) => start(run, 0)) as never)
}
