import {
  LatchkeyError,
  type OwnedSession,
  type ResolvableRequest,
  type SessionResolver,
  owns,
  toResponse,
} from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator, readRequest } from '../../lib/server-kit.ts'
import { PRINCIPAL_HEADER } from './principal-header.ts'

/** Result of authenticating one request of zero-cache: who it is, or the response to send. */
export type ZeroAuthentication =
  | {
      readonly ok: true
      readonly session: OwnedSession
      /** For `handleQueryRequest` and `handleMutateRequest`: the principal, or an alias whose client sends its rest. */
      readonly userID: string
    }
  | {
      readonly ok: false
      /** The response to send. Zero stops until it has another token after 401, and tries again after 503. */
      readonly response: Response
    }

/**
 * Creates the function that authenticates the requests that zero-cache sends to `ZERO_QUERY_URL` and `ZERO_MUTATE_URL`.
 * It does not reject.
 *
 * @param resolver - made by `createSessionResolver`
 * @throws {TypeError} an option is invalid
 */
export function zeroAuth(
  resolver: SessionResolver,
  options: Pick<AuthenticateOptions, 'onError'> = {},
): (request: ResolvableRequest) => Promise<ZeroAuthentication> {
  const authenticate = createAuthenticator(resolver, { ...options, optional: false })
  return async (request) => {
    const found = await authenticate(request)
    if (!found.ok) return found
    const { session } = found
    const userID = readRequest(request).header(PRINCIPAL_HEADER) ?? session.principal
    if (owns(session, userID)) return { ok: true, session, userID }
    return { ok: false, response: toResponse(new LatchkeyError('TOKEN_SUBJECT_MISMATCH')) }
  }
}
