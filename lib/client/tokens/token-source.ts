import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { KeptToken } from '../../keystore/record.ts'
import { TOKEN_LIFETIME } from '../../tokens/claims.ts'
import { mintToken } from '../../tokens/mint.ts'
import { isExchanged } from '../options.ts'
import type { Runtime } from '../shared/context.ts'

/** Options of `getToken`. */
export interface GetTokenOptions {
  /** `aud` of a local-first token; Defaults to the page's own audience. */
  readonly audience?: string
  /** Passes over the token at hand: a server just refused it. */
  readonly fresh?: boolean
}

/** A token is replaced this long before it expires, in milliseconds. */
const MARGIN = 60_000

/** A record that was read this long ago is read again before a new token, in milliseconds. */
const STALE = 1000

/** The bearer for the mode in force; many callers at once share one refresh. */
export function createTokenSource(runtime: Runtime): (options?: GetTokenOptions) => Promise<string | null> {
  const held = new Map<string, KeptToken & { readonly isDropped?: boolean }>()
  const flights = new Map<string, Promise<KeptToken>>()
  runtime.on('dropTokens', () => {
    // Kept to be known again: another tab may have left the same one in the record.
    for (const [audience, token] of held) held.set(audience, { ...token, isDropped: true })
    flights.clear()
    runtime.timing.tokenExpiresAt = null
  })

  async function refresh(audience: string, refused: KeptToken | undefined): Promise<KeptToken> {
    const { session, error } = runtime.getState()
    // Another tab may have changed who is in force, or a server refused the times of the last token. Where that cannot be
    // found out, what is known here still serves.
    if (error === 'expired' || Math.abs(runtime.now() - runtime.timing.readAt) > STALE)
      await runtime
        .acts()
        .then((acts) => acts.catchUp(runtime))
        .catch(() => {})
    const isIssued = session && (session.authMode === 'external' || isExchanged(runtime.options, audience))
    const token = await (isIssued
      ? (await runtime.acts()).issuedToken(runtime, session, audience, refused)
      : deviceToken(runtime, audience, session?.principal))
    const now = runtime.getState().session
    // Whoever asked for one person's token must not get the next one's.
    if (now?.principal !== session?.principal) throw new LatchkeyError('IDENTITY_CHANGED')
    if (now?.authMode === session?.authMode) {
      held.set(audience, token)
      if (audience === runtime.audience()) runtime.timing.tokenExpiresAt = token.until
    }
    return token
  }

  async function share(audience: string, refused?: KeptToken): Promise<KeptToken> {
    const flight = flights.get(audience) ?? refresh(audience, refused)
    flights.set(audience, flight)
    try {
      return await flight
    } finally {
      if (flights.get(audience) === flight) flights.delete(audience)
    }
  }

  return async ({ audience = runtime.audience(), fresh } = {}) => {
    const { session, storage } = runtime.getState()
    // A store that does not answer is no reason to call a person nobody.
    if (!session && storage.problem) await runtime.read()
    if (!runtime.getState().session) return null
    const kept = held.get(audience)
    const left = fresh || !kept || kept.isDropped ? 0 : kept.until - runtime.now()
    if (left > MARGIN) return kept!.jwt
    try {
      return (await share(audience, kept)).jwt
    } catch (error) {
      // Unreachable is not rejected: what is still valid still serves.
      if (left > 0 && isLatchkeyError(error, 'OFFLINE')) return kept!.jwt
      throw error
    }
  }
}

async function deviceToken(runtime: Runtime, audience: string, principal: string | undefined): Promise<KeptToken> {
  const key = await runtime.deviceKey()
  if (!key || key.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED')
  const now = runtime.now()
  return { jwt: await mintToken(key, { audience, now: now / 1000 }), until: now + TOKEN_LIFETIME * 1000 }
}
