import { withTimeout } from './timeout.ts'
import type { SessionTimer } from '../options.ts'

/** How long whoever is asked for a token may take, in milliseconds. */
const TOKEN_TIMEOUT_MS = 30_000

/** Asks for tokens, one at a time, however many want one. */
export interface Refresher {
  /** @param fresh - passes over the token at hand */
  ask(fresh: boolean): void
  /** The answer that is on its way is no longer wanted. */
  drop(): void
}

/** What became of one question. */
export type RefreshAnswer = { readonly token: unknown; readonly isFresh: boolean } | { readonly error: unknown }

/**
 * Makes what asks for tokens.
 *
 * @param source - called with whether the token at hand is to be passed over
 * @param settle - gets each answer that is still wanted
 */
export function createRefresher(
  timer: SessionTimer,
  source: (fresh: boolean) => unknown,
  settle: (answer: RefreshAnswer) => void,
): Refresher {
  let isAsking = false
  let isWanted = false
  let next: boolean | null = null

  async function ask(fresh: boolean): Promise<void> {
    isAsking = isWanted = true
    next = null
    const answer = await question(timer, source, fresh)
    isAsking = false
    if (isWanted) settle(answer)
    else if (next !== null) void ask(next)
  }

  return {
    ask(fresh) {
      if (!isAsking) void ask(fresh)
      else if (!isWanted) next = fresh || next === true
    },
    drop() {
      isWanted = false
      next = null
    },
  }
}

async function question(
  timer: SessionTimer,
  source: (fresh: boolean) => unknown,
  fresh: boolean,
): Promise<RefreshAnswer> {
  try {
    return { token: await withTimeout(timer, TOKEN_TIMEOUT_MS, source(fresh)), isFresh: fresh }
  } catch (error) {
    return { error }
  }
}
