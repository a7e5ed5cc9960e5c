import { DELEGATED } from '../binding/session-origin.ts'
import type { SessionRow } from '../binding/sessions.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { refusal } from '../hooks/proofs.ts'

/** How long after a sign-in the user may change the account's devices, in milliseconds. */
const LIMIT_MS = 600_000

/**
 * Makes sure that the account's own user asks and signed in lately. The limit is the plugin's own: Better Auth's
 * `session.freshAge` is a day, and 0 turns it off. A session that another one let in is not a sign-in.
 *
 * @throws {APIError} `DEVICE_FORBIDDEN`, `SESSION_NOT_FRESH`
 */
export function requireRecentSignIn({ session, user }: { readonly session: object; readonly user: object }): void {
  if (isNotTheirs(session, user)) throw refusal('DEVICE_FORBIDDEN')
  const { createdAt, pairedBy, principalVia } = session as SessionRow
  // Better Auth wrote the time by the system's clock. Not `age >= limit`: a time that is none is not recent.
  const isRecent = Date.now() - new Date(createdAt).getTime() < LIMIT_MS
  if (!isRecent || pairedBy != null || principalVia === DELEGATED) throw refusal('SESSION_NOT_FRESH')
}
