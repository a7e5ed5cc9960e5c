import type { Runtime } from '../shared/context.ts'
import { readAgain } from '../shared/tab-sync.ts'

/** A server whose clock is further away is not believed, in milliseconds. */
const LIMIT = 24 * 60 * 60 * 1000

/** Below this, another try with the corrected clock would not end otherwise, in milliseconds. */
const NOTICEABLE = 1000

/**
 * Learns how far this device's clock is from the account server's. Called only after a refusal on time, since a clock
 * that nobody minds needs no correction.
 *
 * @returns whether the clock was changed by it
 */
export async function correctClock({ options, timing, now }: Runtime): Promise<boolean> {
  const own = (): number => now() - timing.skew
  const asked = own()
  const theirs = await options.account?.getTime?.().catch(() => undefined)
  if (theirs === undefined) return false
  const skew = theirs - (asked + own()) / 2
  if (!(Math.abs(skew) <= LIMIT) || Math.abs(skew - timing.skew) < NOTICEABLE) return false
  timing.skew = skew
  return true
}

/** Something signed was refused because of its times, before anything else happened. */
export function isRefusedOnTime({ core }: Runtime, error: unknown): boolean {
  return core.isLatchkeyError(error, 'TOKEN_EXPIRED') || core.isLatchkeyError(error, 'TOKEN_NOT_YET_VALID')
}

/** Before a new token: another tab may have changed who is in force, or a server refused the times of the last one. */
export async function catchUp(runtime: Runtime): Promise<void> {
  await readAgain(runtime)
  if (runtime.getState().error === 'expired') await correctClock(runtime)
}
