import type { GenericEndpointContext } from 'better-auth'
import { APIError, isAPIError } from 'better-auth/api'
import { askingSession } from './asking-session.ts'

/** Better Auth's routes that end the browser's session, whichever that is when the request arrives. */
const PATHS: readonly (string | undefined)[] = ['/sign-out', '/admin/stop-impersonating']

/** The session that the client saw last, in the body of such a request. */
const MEMBER = 'latchkeySession'

/** True for a request that names the session it is to end. */
export function namesSession({ path, body }: { readonly path?: string | undefined; readonly body?: unknown }): boolean {
  return PATHS.includes(path) && typeof (body as Record<string, unknown> | undefined)?.[MEMBER] === 'string'
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
 * Better Auth reports a sign-out as done, and drops the cookie, even if the session could not be deleted. An error that
 * is none of Better Auth's own becomes a response without cookies: the client can send the sign-out again.
 *
 * @throws {Error} the session that was to be ended still exists
 */
export async function checkSessionEnded(ctx: GenericEndpointContext): Promise<void> {
  const { returned } = ctx.context as { readonly returned?: unknown }
  if (isAPIError(returned)) return
  if (await askingSession(ctx)) throw new Error('The session was not deleted.')
}
