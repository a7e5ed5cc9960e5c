import { createInterface } from 'node:readline/promises'

/** Asks the person at the terminal; null where there is none. */
export type Ask = ((question: string) => Promise<string>) | null

/** Returns how to ask, if standard input and output are a terminal. Questions go to standard error. */
export function terminal(): Ask {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return (await reader.question(question)).trim()
    } finally {
      reader.close()
    }
  }
}
