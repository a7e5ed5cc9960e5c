import { LatchkeyError } from '../../errors.ts'
import { currentAccount } from '../../keystore/entries.ts'
import type { KeptToken } from '../../keystore/record.ts'
import type { GetTokenOptions } from '../auth.ts'
import type { Context, HeldToken } from '../shared/context.ts'
import { lifetimeOf, readPayload } from './account-token.ts'
import { defaultAudience, isExchanged } from './audience.ts'
import { catchUp } from './clock-skew.ts'
import { issuedToken } from './exchange.ts'
import { readAgain } from '../shared/tab-sync.ts'
import { REFRESH_MARGIN_MS, deviceToken, needsCheck } from './first-token.ts'

/** Returns the bearer token for the current mode, or null without a credential. */
export type GetToken = (options?: GetTokenOptions & InternalOptions) => Promise<string | null>

interface InternalOptions {
  /** The token that a server refused: a newer one that is already there is used. */
  readonly refused?: string
  /** The page is being left: a token is used until it expires. */
  readonly isLeaving?: boolean
}

const sources = new WeakMap<Context, GetToken>()

/** Returns `getToken` of a client: concurrent callers share one refresh. */
export function tokenSource(context: Context): GetToken {
  const source = sources.get(context) ?? createTokenSource(context)
  sources.set(context, source)
  return source
}

/** Drops the tokens in memory. Marked, so that they are recognized: another tab may have left one in the record. */
export function dropHeld({ tokens }: Context): void {
  for (const [audience, token] of tokens) tokens.set(audience, { ...token, isDropped: true })
}

function createTokenSource(context: Context): GetToken {
  const held = context.tokens
  const flights = new Map<string, Promise<KeptToken>>()
  let isHeard = false

  function hold(audience: string, token: HeldToken): void {
    held.set(audience, token)
    // There may be no default audience: then every caller names one.
    if (audience === (context.options.audience ?? globalThis.location?.origin))
      context.timing.tokenExpiresAt = token.until
  }

  // The first load has signed them.
  for (const [audience, token] of held) hold(audience, token)
  context.on('dropTokens', () => {
    dropHeld(context)
    flights.clear()
    context.timing.tokenExpiresAt = null
  })

  async function refresh(audience: string, refused: KeptToken | undefined): Promise<KeptToken> {
    const { session } = context.getState()
    // If it cannot be checked, the known identity is still used.
    if (needsCheck(context)) await catchUp(context).catch(() => {})
    const isIssued = session && (session.authMode === 'external' || isExchanged(context.options, audience))
    const token = await (isIssued
      ? issuedToken(context, session, audience, refused)
      : deviceToken(context, audience, session?.principal))
    const now = context.getState().session
    // A caller that asked for one identity's token must not get another's.
    if (now?.principal !== session?.principal) throw new LatchkeyError('IDENTITY_CHANGED')
    if (now?.authMode === session?.authMode) hold(audience, token)
    return token
  }

  function share(audience: string, refused?: KeptToken): Promise<KeptToken> {
    const flight = flights.get(audience) ?? refresh(audience, refused)
    flights.set(audience, flight)
    return flight.finally(() => flights.get(audience) === flight && flights.delete(audience))
  }

  return async ({ audience = defaultAudience(context.options), fresh, refused, isLeaving } = {}) => {
    if (typeof audience !== 'string' || !audience) throw new TypeError('audience: expected string')
    const { session, storage } = context.getState()
    // A store that does not respond does not mean that there is no identity.
    if (!session && storage.problem) await context.read()
    else if (session && !isHeard && !isLeaving) {
      // The first load does not hear other tabs: its tokens are of the identity that it read.
      if (needsCheck(context)) await readAgain(context)
      isHeard = true
      if (context.getState().session?.principal !== session.principal) throw new LatchkeyError('IDENTITY_CHANGED')
    }
    if (!context.getState().session) return null
    const kept = held.get(audience)
    const left = fresh || !kept || kept.isDropped || kept.jwt === refused ? 0 : kept.until - context.now()
    if (kept && (left > REFRESH_MARGIN_MS || left > (isLeaving ? 0 : halfLifetimeOf(kept)))) return kept.jwt
    try {
      // What another tab or page fetched before is no new one either.
      return (await share(audience, kept ?? (fresh ? currentAccount(context.keyring())?.token : undefined))).jwt
    } catch (error) {
      // Unreachable is not rejected: a token that is still valid is still used, unless it was dropped meanwhile.
      if (left > 0 && held.get(audience) === kept && /^(OFFLINE|PROVIDER_)/.test((error as LatchkeyError).code))
        return kept!.jwt
      throw error
    }
  }
}

/** In milliseconds: a token that lasts for a minute, as with Clerk, is replaced after half of that. */
function halfLifetimeOf({ jwt }: KeptToken): number {
  return lifetimeOf(readPayload(jwt)) / 2 || Infinity
}
