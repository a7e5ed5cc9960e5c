import type { MiddlewareHandler } from 'hono'
import {
  type GateOptions,
  type OwnedSession,
  type ServerSession,
  type SessionResolver,
  createGate,
} from '../../lib/server.ts'

/** What {@link authenticate} adds to a context: `context.get('session')`. */
export interface SessionEnvironment<Session extends ServerSession = ServerSession> {
  Variables: { session: Session }
}

/**
 * Middleware that finds out who is asking, for `context.get('session')`, or answers in place of the handlers. CORS goes
 * before it: a preflight has no credential.
 *
 * @throws {TypeError} an option cannot be meant
 */
export function authenticate(
  resolver: SessionResolver,
  options?: GateOptions & { readonly optional?: false },
): MiddlewareHandler<SessionEnvironment<OwnedSession>>
export function authenticate(resolver: SessionResolver, options: GateOptions): MiddlewareHandler<SessionEnvironment>
export function authenticate(resolver: SessionResolver, options: GateOptions = {}): MiddlewareHandler {
  const gate = createGate(resolver, options)
  return async (context, next) => {
    const admission = await gate(context.req.raw)
    if (!admission.ok) return admission.response
    context.set('session', admission.session)
    return next()
  }
}
