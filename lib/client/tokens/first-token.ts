import { LatchkeyError } from '../../errors.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import type { KeptToken } from '../../keystore/record.ts'
import { TOKEN_LIFETIME_S } from '../../tokens/claims.ts'
import { mintToken } from '../../tokens/mint.ts'
import type { GetTokenOptions } from '../auth.ts'
import { currentKey } from '../device/identity.ts'
import type { StartContext } from '../shared/context.ts'
import { defaultAudience, isExchanged } from './audience.ts'

// The tokens of the first load. Only the later chunk fetches, keeps and refreshes tokens.

/** Age at which the record is read again before a new token. */
const RECORD_STALE_MS = 1000

/** How long before its expiry a token is replaced. */
export const REFRESH_MARGIN_MS = 60_000

/**
 * Returns a token before the later chunk is there: one that this device signs, or the account's token in the record
 * while it is fresh.
 *
 * @param isLast - true if the later chunk cannot be loaded: then the device's key signs, however old the record is
 * @returns null without an identity; undefined if the later chunk is needed
 */
export async function firstToken(
  context: StartContext,
  options: GetTokenOptions = {},
  isLast?: boolean,
): Promise<string | null | undefined> {
  const { audience = defaultAudience(context.options) } = options
  const { session, storage } = context.getState()
  // A store that does not respond does not mean that there is no identity: the later chunk reads it again.
  if (!session) return storage.problem ? undefined : null
  const isSigned = session.authMode === 'local-first'
  if (!audience || typeof audience !== 'string' || isExchanged(context.options, audience)) return undefined
  if (needsCheck(context) && !(isLast && isSigned)) return undefined
  const token = isSigned ? await deviceToken(context, audience, session.principal) : storedToken(context, options)
  // A caller that asked for one identity's token must not get another's.
  const now = context.getState()
  if (now.session?.principal !== session.principal) throw new LatchkeyError('IDENTITY_CHANGED')
  if (token && now.authMode === session.authMode) context.tokens.set(audience, token)
  return token?.jwt
}

/** The account's token in the record, which all tabs share. */
function storedToken(context: StartContext, { fresh }: GetTokenOptions): KeptToken | undefined {
  const entry = currentEntry(context.keyring())
  const token = entry?.kind === 'account' && !fresh ? entry.token : undefined
  return token && token.until - context.now() > REFRESH_MARGIN_MS ? token : undefined
}

/** True if another tab may have changed the identity, or if a server refused the times of the last token. */
export function needsCheck({ getState, now, timing }: StartContext): boolean {
  return getState().error === 'expired' || Math.abs(now() - timing.readAt) > RECORD_STALE_MS
}

/** A token that the device's own key signs. */
export async function deviceToken(
  context: StartContext,
  audience: string,
  principal: string | undefined,
): Promise<KeptToken> {
  const key = await currentKey(context)
  if (!key || key.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED')
  const now = context.now()
  return { jwt: await mintToken(key, { audience, now: now / 1000 }), until: now + TOKEN_LIFETIME_S * 1000 }
}
