import type { GenericEndpointContext } from 'better-auth'
import { parseSetCookieHeader } from 'better-auth/cookies'

/** The route of the plugin `expo()` that gives a browser the state of a sign-in which another device began. */
export const STATE_PROXY = '/expo-authorization-proxy'

/** The cookies that it sets, behind Better Auth's prefix. */
const STATES = ['state', 'oauth_state']

/** The name of the cookie, behind Better Auth's prefix. */
const COOKIE = 'latchkey_proxied'

/** As long as the browser keeps the longer of the cookies above, in seconds. */
const MAX_AGE_S = 600

/** The end of a state identifies it. */
const KEPT_CHARACTERS = 32

/** Notes in the browser which state the route gives it. The link to the route may come from any party. */
export function noteProxiedState(ctx: GenericEndpointContext): void {
  const { responseHeaders } = ctx.context as { readonly responseHeaders?: Headers }
  const cookies = parseSetCookieHeader(responseHeaders?.get('set-cookie') ?? '')
  const { name, attributes } = ctx.context.createAuthCookie(COOKIE, { maxAge: MAX_AGE_S })
  for (const state of STATES) {
    const value = cookies.get(ctx.context.createAuthCookie(state).name)?.value
    if (value !== undefined) ctx.setCookie(name, value.slice(-KEPT_CHARACTERS), attributes)
  }
}

/** Returns true if the browser got the state of its sign-in from that route: another person may have begun it. */
export function isStateProxied(ctx: GenericEndpointContext): boolean {
  const valueOf = (name: string): string | null => ctx.getCookie(ctx.context.createAuthCookie(name).name)
  const noted = valueOf(COOKIE)
  return noted !== null && STATES.some((state) => valueOf(state)?.slice(-KEPT_CHARACTERS) === noted)
}
