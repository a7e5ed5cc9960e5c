import type { KeptToken } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'
import { defaultAudience, isExchanged } from './audience.ts'
import { deviceToken } from './first-token.ts'

interface SpareToken extends KeptToken {
  readonly audience: string
  readonly principal: string
  /** The correction of the clock at the time of signing. */
  readonly offset: number
}

const spares = new WeakMap<Context, SpareToken>()

/** Signs a token for the page's own origin: a page that is being left has no time for it. Never rejects. */
export async function prepareSpareToken(context: Context): Promise<void> {
  const { session } = context.getState()
  try {
    const audience = defaultAudience(context.options)
    if (session?.authMode !== 'local-first' || isExchanged(context.options, audience)) return
    if (spareToken(context, audience) !== null) return
    const { principal } = session
    const offset = offsetOf(context)
    spares.set(context, { ...(await deviceToken(context, audience, principal)), audience, principal, offset })
  } catch {
    // The request that needs a token says what is wrong.
  }
}

/** The token that was prepared; null if it belongs to another identity or clock by now, has expired or was refused. */
export function spareToken(context: Context, audience: string): string | null {
  const spare = spares.get(context)
  const { session, authMode, error } = context.getState()
  if (!spare || error || authMode !== 'local-first') return null
  const isCurrent = spare.principal === session?.principal && spare.offset === offsetOf(context)
  return isCurrent && spare.audience === audience && spare.until > context.now() ? spare.jwt : null
}

function offsetOf({ timing }: Context): number {
  return timing.skew + timing.simulated
}
