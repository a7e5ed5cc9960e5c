import { LatchkeyError } from '../../errors.ts'
import { currentDevice } from '../../keystore/entries.ts'
import { correctClock } from './clock-skew.ts'
import { markWritten } from '../device/usage.ts'
import { reasonOf } from './bearer-error.ts'
import type { AuthOptions } from '../auth.ts'
import type { Context } from '../shared/context.ts'
import { defaultAudience } from './audience.ts'
import type { GetToken } from './token-source.ts'

/**
 * Calls `fetch` with the bearer token for the current mode, for allowed origins only. After a 401 response: one refresh
 * and one retry.
 */
export async function authFetch(
  context: Context,
  getToken: GetToken,
  ...given: Parameters<typeof fetch>
): Promise<Response> {
  const request = new Request(...given)
  const audience = audienceFor(context.options, new URL(request.url).origin)
  let asking = context.getState().session?.principal
  const send = async (sent: Request, fresh: boolean): Promise<Response> => {
    const token = await getToken({ audience, fresh })
    const principal = context.getState().session?.principal
    // A request of one identity must not be sent with the token of another.
    if (asking && principal !== asking) throw new LatchkeyError('IDENTITY_CHANGED')
    asking = principal
    if (token) sent.headers.set('authorization', `Bearer ${token}`)
    return fetch(sent)
  }
  const isStill = (): boolean => context.getState().session?.principal === asking
  await rememberWrite(context, request)
  const retry = request.clone()
  const response = await send(request, false)
  const { error } = context.getState()
  const isRefused = asking && isStill() && response.status === 401
  if (isRefused && reasonOf(response) === 'expired') await correctClock(context)
  const answer = isRefused ? await send(retry, true) : response
  // Discards responses that belong to a previous identity.
  if (!isStill()) return answer
  if (isRefused && answer.status === 401) context.dispatch({ type: 'tokenRejected', reason: reasonOf(answer) })
  else if (error) context.dispatch({ type: 'tokenAccepted' })
  return answer
}

/** Returns the `aud` of tokens for an origin that `fetch` may call. */
function audienceFor(options: AuthOptions, origin: string): string {
  const { audiences = {} } = options
  const entry = Object.hasOwn(audiences, origin) ? audiences[origin] : undefined
  if (entry) return typeof entry === 'string' ? entry : entry.audience
  if (origin === globalThis.location?.origin) return defaultAudience(options)
  throw new LatchkeyError('ORIGIN_NOT_ALLOWED', origin)
}

/** Before the first write is sent: afterwards a server may have data of this identity. */
async function rememberWrite(context: Context, { method }: Request): Promise<void> {
  const entry = currentDevice(context.keyring())
  if (entry && !entry.wrote && !/^(GET|HEAD|OPTIONS)$/.test(method)) await markWritten(context)
}
