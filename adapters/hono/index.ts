import type { MiddlewareHandler } from 'hono'
import type { OwnedSession, ServerSession, SessionResolver } from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator } from '../../lib/server-kit.ts'

/** Variables that {@link authenticate} adds to a context: `context.get('session')`. */
export interface SessionEnvironment<Session extends ServerSession = ServerSession> {
  Variables: { session: Session }
}

/**
 * Creates middleware that sets `context.get('session')` to the session, or responds instead of the handlers. Put CORS
 * middleware before it: a preflight has no credential.
 *
 * @throws {TypeError} an option is invalid
 */
export function authenticate(
  resolver: SessionResolver,
  options?: AuthenticateOptions & { readonly optional?: false },
): MiddlewareHandler<SessionEnvironment<OwnedSession>>
export function authenticate(
  resolver: SessionResolver,
  options: AuthenticateOptions,
): MiddlewareHandler<SessionEnvironment>
export function authenticate(resolver: SessionResolver, options: AuthenticateOptions = {}): MiddlewareHandler {
  const authenticateRequest = createAuthenticator(resolver, options)
  return async (context, next) => {
    const admission = await authenticateRequest(context.req.raw)
    // With the headers that others set before: Hono drops them from a response that it did not create.
    if (!admission.ok) return context.newResponse(admission.response.body, admission.response)
    context.set('session', admission.session)
    return next()
  }
}
