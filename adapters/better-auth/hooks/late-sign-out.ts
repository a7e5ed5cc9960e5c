import type { GenericEndpointContext } from 'better-auth'
import { APIError, isAPIError } from 'better-auth/api'
import { askingSession } from './asking-session.ts'

/** The session that the client saw last, in the body of its sign-out. */
const MEMBER = 'latchkeySession'

/** Better Auth's cookie with the admin's own session, in a browser where an admin impersonates a user. */
const ADMIN_COOKIE = 'admin_session'

/** True for a sign-out that names the session it is to end. */
export function namesSession({ path, body }: { readonly path?: string | undefined; readonly body?: unknown }): boolean {
  return path === '/sign-out' && typeof (body as Record<string, unknown> | undefined)?.[MEMBER] === 'string'
}

/**
 * A sign-out that is delivered late must not end a session that was created since.
 *
 * @throws {APIError} `SESSION_CHANGED`: the browser now has another session
 */
export async function checkNamedSession(ctx: GenericEndpointContext): Promise<void> {
  const found = await askingSession(ctx)
  if (found && found.session.id !== (ctx.body as Record<string, unknown>)[MEMBER])
    throw new APIError('CONFLICT', { code: 'SESSION_CHANGED', message: 'The browser now has another session.' })
}

/**
 * Ends the admin's own session, which would outlive the one in which the admin impersonates a user. It goes first: if
 * the response is lost, the cookie is still there when the sign-out is sent again.
 *
 * @throws {Error} the session still exists
 */
export async function endAdminSession(ctx: GenericEndpointContext): Promise<void> {
  const { internalAdapter, secret } = ctx.context
  const cookie = await ctx.getSignedCookie(ctx.context.createAuthCookie(ADMIN_COOKIE).name, secret)
  const [token] = (cookie || '').split(':')
  if (!token) return
  await internalAdapter.deleteSession(token)
  if (await internalAdapter.findSession(token)) throw new Error("The admin's session was not deleted.")
}

/**
 * Better Auth reports a sign-out as done, and drops the cookie, even if the session could not be deleted. An error that
 * is none of Better Auth's own becomes a response without cookies: the client can send the sign-out again.
 *
 * @throws {Error} the session that was to be ended still exists
 */
export async function checkSessionEnded(ctx: GenericEndpointContext): Promise<void> {
  const { returned } = ctx.context as { readonly returned?: unknown }
  if (isAPIError(returned)) return
  if (await askingSession(ctx)) throw new Error('The session was not deleted.')
  const { name, attributes } = ctx.context.createAuthCookie(ADMIN_COOKIE)
  if (ctx.getCookie(name) != null) ctx.setCookie(name, '', { ...attributes, maxAge: 0 })
}
