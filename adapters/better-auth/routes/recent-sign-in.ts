import { isPaired } from '../binding/session-origin.ts'
import type { SessionRow } from '../binding/sessions.ts'
import { isRecent } from '../hooks/fresh-session.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { refusal } from '../hooks/proofs.ts'

/**
 * Makes sure that the account's own user sent the request and signed in recently. A session that another one approved
 * is not a sign-in.
 *
 * @throws {APIError} `DEVICE_FORBIDDEN`, `SESSION_NOT_FRESH`
 */
export function requireRecentSignIn({ session, user }: { readonly session: object; readonly user: object }): void {
  if (isNotTheirs(session, user)) throw refusal('DEVICE_FORBIDDEN')
  if (!isRecent(session as SessionRow) || isPaired(session)) throw refusal('SESSION_NOT_FRESH')
}
