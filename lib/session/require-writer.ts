import { type WriteAttempt, anonymousWriteDenied } from '../anonymous-write.ts'
import type { Auth } from '../client/auth.ts'
import type { ConnectedSession } from './connected-session.ts'

/**
 * Requires an identity before a write, so that it has an owner: nothing is sent or stored for an anonymous user. The
 * counterpart of `requireWriter` on the server, which decides. Call it once `auth.ready` has resolved.
 *
 * @param source - the result of `createAuth`, or a connected session if its tokens come from elsewhere
 * @returns the principal that owns the write
 * @throws {AnonymousWriteDenied} a `LatchkeyError` with code `ANONYMOUS_WRITE_DENIED`, `resource` and `operation`
 */
export function requireWriter(
  source: Pick<Auth, 'getState'> | Pick<ConnectedSession, 'getState'>,
  attempt: WriteAttempt,
): string {
  const state = source.getState()
  const principal = 'principal' in state ? state.principal : state.session?.principal
  if (!principal) throw anonymousWriteDenied(attempt)
  return principal
}
