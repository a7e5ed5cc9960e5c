import { LatchkeyError } from '../../../lib/server.ts'
import { type AskingSession, isPaired } from './session-origin.ts'
import { peekSubject, subjectOf } from './subject.ts'
import type { Subject } from './types.ts'
import type { PrincipalStore } from './principal-store.ts'

/** The account that a token is issued for, and who asks for it. */
export interface TokenSubject extends Subject {
  /** The principal of the admin who impersonates the user; null if the user's own session asks. */
  readonly actor: string | null
}

/**
 * Returns the subject of a token for a session. The user's own session fixes the account's principal, as
 * {@link subjectOf} does; a session of an admin who impersonates the user, or of a device that another session
 * approved, fixes nothing.
 *
 * @returns null if there is no such user
 * @throws {LatchkeyError} `ACCOUNT_OPEN`: such a session asks before the user has used the account, whose principal is
 *   not fixed yet; `USER_ID_FORBIDDEN`
 */
export async function tokenSubject(
  principals: PrincipalStore,
  userId: string,
  asking: AskingSession,
): Promise<TokenSubject | null> {
  const actor = await actorOf(principals, asking)
  if (actor === null && !isPaired(asking)) {
    const subject = await subjectOf(principals, userId, asking)
    return subject && { ...subject, actor }
  }
  const looked = await peekSubject(principals, userId, asking)
  if (!looked) return null
  const { open, ...subject } = looked
  if (open) throw new LatchkeyError('ACCOUNT_OPEN')
  return { ...subject, actor }
}

/** Returns the principal of the admin who impersonates the session's user, and fixes nothing; null if there is none. */
export async function actorOf(principals: PrincipalStore, { impersonatedBy }: AskingSession): Promise<string | null> {
  if (!impersonatedBy) return null
  return (await peekSubject(principals, impersonatedBy))?.principal ?? impersonatedBy
}
