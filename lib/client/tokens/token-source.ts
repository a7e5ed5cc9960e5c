import { LatchkeyError } from '../../errors.ts'
import type { KeptToken } from '../../keystore/record.ts'
import { TOKEN_LIFETIME } from '../../tokens/claims.ts'
import { mintToken } from '../../tokens/mint.ts'
import type { Session } from '../../machine/state.ts'
import type { GetTokenOptions } from '../auth.ts'
import { currentKey } from '../device/current-key.ts'
import type { Context } from '../shared/context.ts'
import { defaultAudience, isExchanged } from './audience.ts'

/** How long before its expiry a token is replaced. */
const REFRESH_MARGIN_MS = 60_000

/** Age at which the record is read again before a new token. */
const RECORD_STALE_MS = 1000

/** The part that loads later: server-signed tokens, and the check before a new token. */
interface Issuer {
  catchUp(context: Context): Promise<void>
  issuedToken(context: Context, session: Session, audience: string, refused: KeptToken | undefined): Promise<KeptToken>
}

/** Returns the bearer token for the current mode, or null without a credential. */
export type GetToken = (options?: GetTokenOptions & InternalOptions) => Promise<string | null>

interface InternalOptions {
  /** The token that a server refused: a newer one that is already there is used. */
  readonly refused?: string
  /** The page is being left: a token is used until it expires. */
  readonly isLeaving?: boolean
}

/** Creates `getToken`: concurrent callers share one refresh. */
export function createTokenSource(context: Context, lazy: () => Promise<Issuer>): GetToken {
  const held = new Map<string, KeptToken & { readonly isDropped?: boolean }>()
  const flights = new Map<string, Promise<KeptToken>>()
  context.on('dropTokens', () => {
    // Marked, so that it is recognized: another tab may have left the same token in the record.
    for (const [audience, token] of held) held.set(audience, { ...token, isDropped: true })
    flights.clear()
    context.timing.tokenExpiresAt = null
  })

  async function refresh(audience: string, refused: KeptToken | undefined): Promise<KeptToken> {
    const { session, error } = context.getState()
    // Another tab may have changed the identity, or a server refused the times of the last token. If that cannot be
    // checked, the known identity is still used.
    if (error === 'expired' || Math.abs(context.now() - context.timing.readAt) > RECORD_STALE_MS)
      await lazy()
        .then((issuer) => issuer.catchUp(context))
        .catch(() => {})
    const isIssued = session && (session.authMode === 'external' || isExchanged(context.options, audience))
    const token = await (isIssued
      ? (await lazy()).issuedToken(context, session, audience, refused)
      : deviceToken(context, audience, session?.principal))
    const now = context.getState().session
    // A caller that asked for one identity's token must not get another's.
    if (now?.principal !== session?.principal) throw new LatchkeyError('IDENTITY_CHANGED')
    if (now?.authMode === session?.authMode) {
      held.set(audience, token)
      if (audience === defaultAudience(context.options)) context.timing.tokenExpiresAt = token.until
    }
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
    if (!context.getState().session) return null
    const kept = held.get(audience)
    const left = fresh || !kept || kept.isDropped || kept.jwt === refused ? 0 : kept.until - context.now()
    if (left > (isLeaving ? 0 : REFRESH_MARGIN_MS)) return kept!.jwt
    try {
      return (await share(audience, kept)).jwt
    } catch (error) {
      // Unreachable is not rejected: a token that is still valid is still used.
      if (left > 0 && /^(OFFLINE|PROVIDER_)/.test((error as LatchkeyError).code)) return kept!.jwt
      throw error
    }
  }
}

/** A token that the device's own key signs. */
export async function deviceToken(
  context: Context,
  audience: string,
  principal: string | undefined,
): Promise<KeptToken> {
  const key = await currentKey(context)
  if (!key || key.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED')
  const now = context.now()
  return { jwt: await mintToken(key, { audience, now: now / 1000 }), until: now + TOKEN_LIFETIME * 1000 }
}
