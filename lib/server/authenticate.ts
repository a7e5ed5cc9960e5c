import type { ResolvableRequest } from './request.ts'
import type { OwnedSession, ServerSession, SessionResolver, SessionSource } from './types.ts'
import { faultResponse, refusal } from './response.ts'

/** Options of {@link createAuthenticator}, and of what each framework calls it. */
export interface AuthenticateOptions {
  /**
   * Lets requests without a credential through, as anonymous; otherwise they are answered with 401. A credential that
   * does not hold is refused either way, and what the resolver refuses stays refused.
   */
  readonly optional?: boolean
  /**
   * Hears what led to an answer of 500: a lookup of yours threw, for instance. Defaults to `console.error`; it must not
   * throw.
   */
  readonly onError?: (error: unknown) => void
}

/** Whether a request may go on. */
export type Authentication<Session extends ServerSession = ServerSession> =
  | { readonly ok: true; readonly session: Session; readonly source: SessionSource }
  | {
      readonly ok: false
      /** Says no more than the kind of error. */
      readonly response: Response
    }

/**
 * Lets a request pass, or answers it. Made by {@link createAuthenticator}. It never rejects for anything that a
 * resolver does.
 */
export type Authenticator<Session extends ServerSession = ServerSession> = (
  request: ResolvableRequest,
) => Promise<Authentication<Session>>

/**
 * Makes what stands before the handlers of a server: every request gets a session, or an answer. The adapters of the
 * frameworks are this and a place for the session.
 *
 * @throws {TypeError} an option is invalid
 */
export function createAuthenticator(
  resolver: SessionResolver,
  options?: AuthenticateOptions & { readonly optional?: false },
): Authenticator<OwnedSession>
export function createAuthenticator(resolver: SessionResolver, options: AuthenticateOptions): Authenticator
export function createAuthenticator(
  resolver: SessionResolver,
  { optional = false, onError = console.error }: AuthenticateOptions = {},
): Authenticator {
  if (typeof resolver?.resolve !== 'function')
    throw new TypeError('expected a resolver, as createSessionResolver makes it')
  // The text "false" of an environment variable would let everybody through.
  if (typeof optional !== 'boolean') throw new TypeError('optional: expected true or false')
  return async (request) => {
    try {
      const found = await resolver.resolve(request)
      if (!found.ok) return { ok: false, response: found.response() }
      return optional || isOwned(found.session)
        ? { ok: true, session: found.session, source: found.source }
        : { ok: false, response: refusal('CREDENTIAL_MISSING').response() }
    } catch (error) {
      onError(error)
      return { ok: false, response: faultResponse() }
    }
  }
}

function isOwned({ authMode, principal }: ServerSession): boolean {
  return authMode !== 'anonymous' && typeof principal === 'string' && principal !== ''
}
