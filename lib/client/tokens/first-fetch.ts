import type { StartContext } from '../shared/context.ts'
import { firstToken } from './first-token.ts'

/** A response that came before the later chunk, and what its request was sent with. */
export interface FirstResponse {
  readonly response: Response
  readonly token: string | null
  readonly principal: string | undefined
}

/**
 * Sends a request before the later chunk is there, if it reads from the page's own origin. As in `authFetch`, it is
 * redirected to no other origin, and a cached response is revalidated.
 *
 * @returns undefined if the later chunk is needed
 */
export async function firstFetch(context: StartContext, request: Request): Promise<FirstResponse | undefined> {
  const { origin } = new URL(request.url)
  // A copy of the request would lose another referrer.
  const isPlain =
    request.method === 'GET' &&
    request.cache === 'default' &&
    request.referrer + request.referrerPolicy === 'about:client' &&
    origin === globalThis.location?.origin &&
    !context.options.audiences?.[origin]
  // The token is of the identity that is current now.
  const principal = context.getState().session?.principal
  const token = isPlain ? await firstToken(context) : undefined
  if (token === undefined) return undefined
  const sent = new Request(request, { mode: 'same-origin', cache: 'no-cache' })
  if (token) sent.headers.set(context.options.tokenHeader ?? 'authorization', `Bearer ${token}`)
  return { response: await fetch(sent), token, principal }
}
