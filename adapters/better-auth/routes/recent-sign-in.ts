import { isPaired } from '../binding/session-origin.ts'
import type { SessionRow } from '../binding/sessions.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { refusal } from '../hooks/proofs.ts'

/**
 * How long after a sign-in the user may approve and change devices, in milliseconds. The limit is the plugin's own:
 * Better Auth's `session.freshAge` is a day, and 0 turns it off.
 */
const LIMIT_MS = 600_000

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

/** Returns true if a session was created lately. Better Auth wrote the time by the system's clock. */
export function isRecent({ createdAt }: Pick<SessionRow, 'createdAt'>): boolean {
  // Not `age >= limit`: a time that is none is not recent.
  return Date.now() - new Date(createdAt).getTime() < LIMIT_MS
}
