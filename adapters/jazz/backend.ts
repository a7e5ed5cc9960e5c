import { JAZZ_BACKEND_HEADERS, type ServerSession } from '../../lib/server.ts'
import { utf8 } from '../../lib/profile.ts'

/** The user for whom a backend acts. */
export interface JazzSession {
  /** The Jazz user id, or the `sub` of the user's external tokens. */
  readonly userId: string
  /** Defaults to `external`. */
  readonly authMode?: 'external' | 'local-first'
  /** The claims that permissions read. Defaults to none. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/**
 * Returns the headers with which a backend acts for a user on a Jazz server. A resolver with `headers:
 * JAZZ_BACKEND_HEADERS` reads them too. Never send them from a web page.
 *
 * @param secret - the backend secret of the Jazz server
 * @param session - the user, or a session that the backend has resolved
 * @throws {TypeError} there is no user to act for
 */
export function jazzBackendHeaders(secret: string, session: JazzSession | ServerSession): Record<string, string> {
  const { authMode = 'external', claims = {} } = session
  const userId = 'userId' in session ? session.userId : session.principal
  if (typeof userId !== 'string' || userId === '' || (authMode !== 'external' && authMode !== 'local-first'))
    throw new TypeError('jazzBackendHeaders: expected a user to act for')
  const json = JSON.stringify({ user_id: userId, claims, auth_mode: authMode })
  const { secret: secretName, session: sessionName } = JAZZ_BACKEND_HEADERS
  // Jazz reads the standard alphabet, with padding (RFC 4648 §4).
  return { [secretName]: secret, [sessionName]: btoa(String.fromCharCode(...utf8(json))) }
}
