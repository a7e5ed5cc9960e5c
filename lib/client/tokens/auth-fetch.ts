import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { currentDevice } from '../../keystore/entries.ts'
import { markWritten } from '../device/usage.ts'
import type { AuthOptions } from '../auth.ts'
import { unlessAborted } from '../shared/abort.ts'
import type { Context } from '../shared/context.ts'
import { readPayload } from './account-token.ts'
import { defaultAudience } from './audience.ts'
import { isBearerRefusal, reasonOf } from './bearer-error.ts'
import { correctClock } from './clock-skew.ts'
import type { FirstResponse } from './first-fetch.ts'
import { spareToken } from './spare-token.ts'
import { tokenSource } from './token-source.ts'

/** Methods that may always be sent twice. */
const SAFE = /^(GET|HEAD|OPTIONS)$/

/**
 * Calls `fetch` with the bearer token for the current mode, for allowed origins only. After a 401 response: one refresh
 * and one retry.
 *
 * @param wanted - `redirect` as the caller set it
 * @param first - set if the first load has sent the request already
 */
export async function authFetch(
  context: Context,
  given: Request,
  wanted: RequestRedirect | undefined,
  first: FirstResponse | undefined,
): Promise<Response> {
  const request = revalidating(staying(given, wanted, context.options))
  const { origin } = new URL(request.url)
  const audience = audienceFor(context.options, origin)
  const { signal, keepalive, method } = request
  let asking = first ? first.principal : context.getState().session?.principal
  let token = first ? first.token : null
  const isStill = (): boolean => context.getState().session?.principal === asking
  const send = async (sent: Request, bearer: Promise<string | null>): Promise<Response> => {
    token = await bearer
    signal.throwIfAborted()
    const principal = context.getState().session?.principal
    // A request of one identity must not be sent with the token of another.
    if (asking && principal !== asking) throw new LatchkeyError('IDENTITY_CHANGED')
    asking = principal
    if (token) sent.headers.set(context.options.tokenHeader ?? 'authorization', `Bearer ${token}`)
    // The mark below would stay on a redirect, and need a preflight where it leads to another origin.
    else if (wanted === 'follow' && sent.credentials === 'same-origin')
      return fetch(changed(sent, { credentials: 'omit' }))
    // Its cookie may be of an account that this device does not use: the resolver ignores it. By default a page sends
    // none to another origin, where one header more would need a preflight.
    else if (sent.credentials === 'include' || origin === (globalThis.location?.origin ?? origin))
      sent.headers.set('x-latchkey-anonymous', '1')
    return fetch(sent)
  }
  const isOurs = (response: Response): boolean => !response.redirected || new URL(response.url).origin === origin

  const marking = first ? Promise.resolve() : rememberWrite(context, request)
  // A page that is being left has no time: the token at hand serves, and the mark follows.
  if (keepalive) marking.catch(() => {})
  else await unlessAborted(signal, marking)
  const retry = keepalive ? null : request.clone()
  const response =
    first?.response ?? (await unlessAborted(signal, send(request, bearerFor(context, audience, keepalive))))
  // The answer of another origin, after a redirect, says nothing about the token.
  if (!isOurs(response) || !asking || !isStill()) return response
  const refused = token as string | null
  if (response.status !== 401 || !refused) return accepted(context, response)
  await unlessAborted(signal, checkedClock(context, refused, response))
  const mayRepeat = retry && (SAFE.test(method) || isBearerRefusal(response) || isExpired(context, refused))
  if (!mayRepeat || !isStill()) return response
  const answer = await unlessAborted(
    signal,
    send(
      retry,
      replaced(context, refused, () => tokenSource(context)({ audience, refused })).catch((error: unknown) => {
        // Its session was ended elsewhere, which is more than that there is none.
        const isRevoked = isLatchkeyError(error, 'SESSION_MISSING') && reasonOf(response) === 'disabled'
        if (isRevoked && isStill()) context.dispatch({ type: 'tokenRejected', reason: 'disabled' })
        throw error
      }),
    ),
  )
  if (!isOurs(answer) || !isStill()) return answer
  if (answer.status !== 401) return accepted(context, answer)
  if (token) rejected(context, token, answer)
  return answer
}

/**
 * A redirect must not take the token to another origin: `fetch` passes every header on except `Authorization`, and
 * older browsers pass that one on too. Within the page's own origin redirects are followed; of another one, `fetch`
 * cannot tell where they lead.
 *
 * @param wanted - `redirect` as the caller set it
 */
function staying(request: Request, wanted: RequestRedirect | undefined, { tokenHeader }: AuthOptions): Request {
  if (wanted !== undefined || request.redirect !== 'follow') return request
  if (new URL(request.url).origin === globalThis.location?.origin) return changed(request, { mode: 'same-origin' })
  return tokenHeader ? changed(request, { redirect: 'error' }) : request
}

/**
 * The HTTP cache does not separate the responses of two identities, and outlives both: every cached response is
 * revalidated with the current token.
 */
function revalidating(request: Request): Request {
  return request.cache === 'default' && SAFE.test(request.method) ? changed(request, { cache: 'no-cache' }) : request
}

/** Copies a request with other options. `new Request` alone would reset the referrer. */
function changed(request: Request, options: RequestInit): Request {
  const { referrer, referrerPolicy } = request
  return new Request(request, { referrer, referrerPolicy, ...options })
}

/** A refused token, and the one recovery for all requests that it was refused in. */
interface Refused {
  readonly token: string
  clock?: Promise<unknown>
  replacement?: Promise<string | null>
  /** True once its refusal was reported. */
  isReported?: boolean
}

const refusals = new WeakMap<Context, Refused[]>()

/** How many refused tokens are remembered: responses to requests with them can still arrive. */
const MOST_REFUSALS = 16

function refusalOf(context: Context, token: string): Refused {
  const known = refusals.get(context) ?? []
  const found = known.find((refused) => refused.token === token) ?? { token }
  refusals.set(context, [found, ...known.filter((refused) => refused !== found)].slice(0, MOST_REFUSALS))
  return found
}

function checkedClock(context: Context, token: string, response: Response): Promise<unknown> {
  // If the reason cannot be read, as on other origins, the times may be it.
  const isTimed = reasonOf(response) === 'expired' || !response.headers.has('www-authenticate')
  return isTimed ? (refusalOf(context, token).clock ??= correctClock(context, response)) : Promise.resolve()
}

function replaced(context: Context, token: string, refresh: () => Promise<string | null>): Promise<string | null> {
  const refused = refusalOf(context, token)
  refused.replacement ??= refresh()
  refused.replacement.catch(() => delete refused.replacement)
  return refused.replacement
}

function isExpired(context: Context, token: string): boolean {
  return Number(readPayload(token)['exp']) * 1000 <= context.now()
}

function rejected(context: Context, token: string, answer: Response): void {
  const refused = refusalOf(context, token)
  if (refused.isReported) return
  refused.isReported = true
  const isUnsaid = !answer.headers.has('www-authenticate')
  const reason = isUnsaid && isExpired(context, token) ? 'expired' : reasonOf(answer)
  context.dispatch({ type: 'tokenRejected', reason })
}

function accepted(context: Context, response: Response): Response {
  if (!context.getState().error || response.status === 401) return response
  // A token that a server accepts again may be refused again.
  refusals.delete(context)
  context.dispatch({ type: 'tokenAccepted' })
  return response
}

/** A request that outlives its page cannot wait for a new token. */
function bearerFor(context: Context, audience: string, isLeaving: boolean): Promise<string | null> {
  const spare = isLeaving ? spareToken(context, audience) : null
  return spare === null ? tokenSource(context)({ audience, isLeaving }) : Promise.resolve(spare)
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
  if (entry && !entry.wrote && !SAFE.test(method)) await markWritten(context)
}
