import { LatchkeyError, type LatchkeyErrorCode } from '../../errors.ts'

/** Callers of `update` that wait for the outcome of their token. */
export interface PendingResults {
  /** Resolves once the token is accepted or stored; rejects with the code of a refusal. */
  wait(text: string): Promise<void>
  /** @param code - null for success */
  settle(text: string, code: LatchkeyErrorCode | null): void
}

/** Creates an empty list. */
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
