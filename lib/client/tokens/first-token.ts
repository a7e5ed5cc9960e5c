import { LatchkeyError } from '../../errors.ts'
import type { KeptToken } from '../../keystore/record.ts'
import { TOKEN_LIFETIME } from '../../tokens/claims.ts'
import { mintToken } from '../../tokens/mint.ts'
import type { GetTokenOptions } from '../auth.ts'
import { currentKey } from '../device/current-key.ts'
import type { Context, StartContext } from '../shared/context.ts'
import { defaultAudience, isExchanged } from './audience.ts'

// The tokens of the first load. Only the later chunk fetches, keeps and refreshes tokens.

/** Age at which the record is read again before a new token. */
const RECORD_STALE_MS = 1000

/** The later chunk, as far as tokens need it. */
interface Later {
  getToken(context: Context, options: GetTokenOptions): Promise<string | null>
}

/**
 * Returns a token before the later chunk is there. It waits for that chunk, unless this device signs the token and the
 * record was just read.
 *
 * @param lazy - loads the later chunk
 */
export async function firstToken(
  context: StartContext,
  lazy: () => Promise<Later>,
  options: GetTokenOptions = {},
): Promise<string | null> {
  const { audience = defaultAudience(context.options) } = options
  const { session, storage } = context.getState()
  // A store that does not respond does not mean that there is no identity: the later chunk reads it again.
  if (!session && !storage.problem) return null
  const isSigned = session?.authMode === 'local-first' && !isExchanged(context.options, audience)
  // If the record cannot be checked, the known identity is still used.
  const later =
    isSigned && !needsCheck(context)
      ? undefined
      : await lazy().catch((error: unknown) => (isSigned ? undefined : Promise.reject(error)))
  const token = later ? undefined : await deviceToken(context, audience, session?.principal)
  // A caller that asked for one identity's token must not get another's.
  if (context.getState().session?.principal !== session?.principal) throw new LatchkeyError('IDENTITY_CHANGED')
  if (!token) return later!.getToken(context as Context, options)
  if (context.getState().authMode === 'local-first') context.tokens.set(audience, token)
  return token.jwt
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
  return { jwt: await mintToken(key, { audience, now: now / 1000 }), until: now + TOKEN_LIFETIME * 1000 }
}
