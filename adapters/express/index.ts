import type { RequestHandler } from 'express'
import { type ServerSession, type SessionResolver, sendResponse } from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator } from '../../lib/server-kit.ts'

declare global {
  namespace Express {
    interface Request {
      /** The session of the request, set by `authenticate` of `latchkey/express`. */
      latchkey?: ServerSession
    }
  }
}

/**
 * Creates middleware that sets `request.latchkey` to the session, or responds instead of the handlers. It does not read
 * the body. Put CORS middleware before it: a preflight has no credential.
 *
 * @throws {TypeError} an option is invalid
 */
export function authenticate(resolver: SessionResolver, options: AuthenticateOptions = {}): RequestHandler {
  const authenticateRequest = createAuthenticator(resolver, options)
  return async (request, response, next) => {
    try {
      const admission = await authenticateRequest(request)
      if (!admission.ok) return await sendResponse(response, admission.response)
      request.latchkey = admission.session
    } catch (error) {
      // Express 4 does not handle what a handler's promise rejects with.
      return next(error)
    }
    next()
  }
}

/**
 * Returns the session of a request that passed {@link authenticate}.
 *
 * @throws {TypeError} the request did not pass it
 */
export function sessionOf({ latchkey }: { readonly latchkey?: ServerSession | undefined }): ServerSession {
  if (!latchkey) throw new TypeError('sessionOf: authenticate() did not run before this handler')
  return latchkey
}
