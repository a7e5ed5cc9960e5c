import type { RequestHandler } from 'express'
import { type ServerSession, type SessionResolver, sendResponse } from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator } from '../../lib/server-kit.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who is asking; put there by `authenticate` of `latchkey/express`. */
      latchkey?: ServerSession
    }
  }
}

/**
 * Middleware that finds out who is asking, for `request.latchkey`, or answers in place of the handlers. It reads
 * nothing of the body. CORS goes before it: a preflight has no credential.
 *
 * @throws {TypeError} an option is invalid
 */
export function authenticate(resolver: SessionResolver, options: AuthenticateOptions = {}): RequestHandler {
  const gate = createAuthenticator(resolver, options)
  return async (request, response, next) => {
    const admission = await gate(request)
    if (!admission.ok) return sendResponse(response, admission.response)
    request.latchkey = admission.session
    next()
  }
}

/**
 * The session of a request that came through {@link authenticate}.
 *
 * @throws {TypeError} it did not
 */
export function sessionOf({ latchkey }: { readonly latchkey?: ServerSession | undefined }): ServerSession {
  if (!latchkey) throw new TypeError('sessionOf: no authenticate() stands before this handler')
  return latchkey
}
