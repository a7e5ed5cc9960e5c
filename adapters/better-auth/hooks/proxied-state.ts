import type { GenericEndpointContext } from 'better-auth'

/** The route of the plugin `expo()` that gives a browser the state of a sign-in which another device began. */
export const STATE_PROXY = '/expo-authorization-proxy'

/** The name of the cookie, behind Better Auth's prefix. */
const COOKIE = 'latchkey_proxied'

/** As long as a browser keeps a state, in seconds. */
const MAX_AGE_S = 600

/** Notes in the browser that the route gave it a state. The link to the route may come from any party. */
export function noteProxiedState(ctx: GenericEndpointContext): void {
  const { name, attributes } = ctx.context.createAuthCookie(COOKIE, { maxAge: MAX_AGE_S })
  ctx.setCookie(name, '1', attributes)
}

/**
 * Returns true if the browser may have the state of its sign-in from that route: another person may have begun it. The
 * note ends only with its time, and does not say which state: a browser drops a cookie that is too long, so a later
 * state need not have taken the place of the one that it keeps.
 */
export function isStateProxied(ctx: GenericEndpointContext): boolean {
  return Boolean(ctx.getCookie(ctx.context.createAuthCookie(COOKIE).name))
}
