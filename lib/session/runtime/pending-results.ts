import { LatchkeyError, type LatchkeyErrorCode } from '../../errors.ts'

/** Those who handed over a token and wait to hear what became of it. */
export interface PendingResults {
  /** Resolves when the token is taken or kept; rejects when it is not. */
  wait(text: string): Promise<void>
  /** @param code - null is good */
  settle(text: string, code: LatchkeyErrorCode | null): void
}

/** Makes an empty list of those who wait. */
export function createPendingResults(): PendingResults {
  const waiting = new Map<string, ((code: LatchkeyErrorCode | null) => void)[]>()
  return {
    wait: (text) =>
      new Promise((resolve, reject) => {
        const hear = (code: LatchkeyErrorCode | null): void =>
          code === null ? resolve() : reject(new LatchkeyError(code))
        waiting.set(text, [...(waiting.get(text) ?? []), hear])
      }),
    settle(text, code) {
      const hearing = waiting.get(text) ?? []
      waiting.delete(text)
      for (const hear of hearing) hear(code)
    },
  }
}
