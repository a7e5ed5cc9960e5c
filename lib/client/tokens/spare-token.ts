import type { KeptToken } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'
import { defaultAudience, isExchanged } from './audience.ts'
import { deviceToken } from './first-token.ts'

interface SpareToken extends KeptToken {
  readonly audience: string
  readonly principal: string
}

const spares = new WeakMap<Context, SpareToken>()

/** Signs a token for the page's own origin: a page that is being left has no time for it. Never rejects. */
export async function prepareSpareToken(context: Context): Promise<void> {
  const { session } = context.getState()
  try {
    const audience = defaultAudience(context.options)
    if (session?.authMode !== 'local-first' || isExchanged(context.options, audience)) return
    const { principal } = session
    if (spareToken(context, audience) === null)
      spares.set(context, { ...(await deviceToken(context, audience, principal)), audience, principal })
  } catch {
    // The request that needs a token says what is wrong.
  }
}

/** The token that was prepared; null where it is of another identity by now, expired or refused. */
export function spareToken(context: Context, audience: string): string | null {
  const spare = spares.get(context)
  const { session, authMode, error } = context.getState()
  const isCurrent = spare?.principal === session?.principal && authMode === 'local-first' && !error
  return spare && isCurrent && spare.audience === audience && spare.until > context.now() ? spare.jwt : null
}
