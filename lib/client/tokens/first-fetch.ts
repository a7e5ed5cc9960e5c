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
  if (
    // A copy of the request would lose another referrer.
    request.method + request.cache + request.referrer + request.referrerPolicy === 'GETdefaultabout:client' &&
    origin === globalThis.location?.origin &&
    !context.options.audiences?.[origin]
  ) {
    // The token is of the identity that is current now.
    const principal = context.getState().session?.principal
    const token = await firstToken(context)
    if (token !== undefined) {
      const sent = new Request(request, { mode: 'same-origin', cache: 'no-cache' })
      if (token) sent.headers.set(context.options.tokenHeader ?? 'authorization', `Bearer ${token}`)
      // Its cookie may be of an account that this device does not use: the resolver ignores it.
      else sent.headers.set('x-latchkey-anonymous', '1')
      return { response: await fetch(sent), token, principal }
    }
  }
  return undefined
}
