import { withTimeout } from './timeout.ts'
import type { SessionTimer } from '../options.ts'

/** How long the token source may take. */
const TOKEN_TIMEOUT_MS = 30_000

/** Requests tokens from the source, one request at a time. */
export interface Refresher {
  /** @param fresh - bypasses the cached token */
  ask(fresh: boolean): void
  /** Discards the answer of the running request. */
  drop(): void
}

/** The outcome of one request. */
export type RefreshAnswer = { readonly token: unknown; readonly isFresh: boolean } | { readonly error: unknown }

/**
 * Creates a refresher.
 *
 * @param source - called with whether to bypass the cached token
 * @param settle - called with each answer that was not discarded
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
    const answer = await request(timer, source, fresh)
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

async function request(
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
