import { isLatchkeyError } from '../../errors.ts'
import { ANSWER_TIMEOUT_MS, accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { LARGEST_SKEW_MS } from '../shared/server-time.ts'
import { readAgain } from '../shared/tab-sync.ts'
import { isExchanged } from './audience.ts'

/** A smaller correction would not change the outcome of a retry. */
const SMALLEST_CORRECTION_MS = 1000

/**
 * Measures the difference between this device's clock and the account server's. Called only after a refusal because of
 * the time, since a clock that no server refuses needs no correction.
 *
 * @returns true if the correction changed
 */
export async function correctClock(context: Context, refusal?: Response): Promise<boolean> {
  const { timing, now } = context
  const own = (): number => now() - timing.skew
  const asked = own()
  const theirs =
    (await accountOf(context)
      ?.getTime?.()
      .catch(() => undefined)) ?? dateOf(refusal)
  // An answer that waited in a frozen page is of an earlier time.
  if (theirs === undefined || Math.abs(own() - asked) > ANSWER_TIMEOUT_MS) return false
  const skew = theirs - (asked + own()) / 2
  if (!(Math.abs(skew) <= LARGEST_SKEW_MS) || Math.abs(skew - timing.skew) < SMALLEST_CORRECTION_MS) return false
  timing.skew = skew
  dropSigned(context)
  return true
}

/** Servers would refuse the tokens for other audiences too, and a page that is being left cannot repeat a request. */
function dropSigned({ tokens, options, getState }: Context): void {
  if (getState().authMode !== 'local-first') return
  for (const [audience, token] of tokens)
    if (!isExchanged(options, audience)) tokens.set(audience, { ...token, isDropped: true })
}

/** Returns the middle of the second that a `Date` header names (RFC 9110 §6.6.1), in milliseconds since 1970. */
function dateOf(response: Response | undefined): number | undefined {
  const date = Date.parse(response?.headers.get('date') ?? '')
  return Number.isNaN(date) ? undefined : date + 500
}

/** True if a token or proof was refused because of its times, before anything else happened. */
export function isRefusedOnTime(error: unknown): boolean {
  return isLatchkeyError(error, 'TOKEN_EXPIRED') || isLatchkeyError(error, 'TOKEN_NOT_YET_VALID')
}

/**
 * Asks a server that may refuse a proof because of its times: then nothing else has happened, and it is asked once more
 * with the corrected clock.
 */
export async function inServerTime<Answer>(context: Context, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (isRefusedOnTime(error) && (await correctClock(context))) return ask()
    throw error
  }
}

/**
 * Called before a new token: another tab may have changed the identity, or a server refused the times of the last one.
 */
export async function catchUp(context: Context): Promise<void> {
  await readAgain(context)
  if (context.getState().error === 'expired') await correctClock(context)
}
