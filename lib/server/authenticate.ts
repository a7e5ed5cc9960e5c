import type { ResolvableRequest } from './request.ts'
import type { OwnedSession, ServerSession, SessionResolver, SessionSource } from './types.ts'
import { faultResponse, refusal } from './response.ts'

/** Options of {@link createAuthenticator} and of the framework adapters built on it. */
export interface AuthenticateOptions {
  /**
   * Whether requests without a credential pass as anonymous. Defaults to false: they are answered with 401. An invalid
   * credential is always refused, and so is every request that the resolver refuses.
   */
  readonly optional?: boolean
  /**
   * Receives the error behind every 500 response, for example one thrown by your `lookup`. Defaults to `console.error`.
   * It must not throw.
   */
  readonly onError?: (error: unknown) => void
}

/** Result of authenticating one request: the session, or the response to send. */
export type Authentication<Session extends ServerSession = ServerSession> =
  | { readonly ok: true; readonly session: Session; readonly source: SessionSource }
  | {
      readonly ok: false
      /** The response to send. Its body reveals only the kind of error. */
      readonly response: Response
    }

/**
 * Authenticates one request. Made by {@link createAuthenticator}. It does not reject: an error thrown by the resolver
 * becomes a 500 response.
 */
export type Authenticator<Session extends ServerSession = ServerSession> = (
  request: ResolvableRequest,
) => Promise<Authentication<Session>>

/**
 * Creates the function that runs before a server's handlers. For every request it returns a session or the response to
 * send. Each framework adapter calls it and stores the session.
 *
 * @param resolver - made by `createSessionResolver`
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
  if (typeof resolver?.resolve !== 'function') throw new TypeError('expected a resolver made by createSessionResolver')
  // The string "false" from an environment variable is truthy and would admit every request.
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
