import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { type SessionRow, liveSession } from '../binding/sessions.ts'

type Context = Pick<AuthContext, 'adapter' | 'internalAdapter' | 'options'>

/**
 * Returns the columns for an UPDATE by which Better Auth renews the session of the request. One that another session
 * approved is renewed up to the end of that one, and no longer once that one has ended.
 *
 * @param update - what Better Auth writes
 */
export async function renewedTerm(
  context: Context,
  { expiresAt }: Partial<SessionRow>,
  ctx: GenericEndpointContext | null,
): Promise<Partial<SessionRow>> {
  const session = ctx?.context.session?.session as SessionRow | undefined
  if (!expiresAt || session?.pairedBy == null) return {}
  const approver = await liveSession(context, session.userId, session.pairedBy)
  const ends = [session, ...(approver ? [approver] : [])].map((each) => new Date(each.expiresAt).getTime())
  return { expiresAt: new Date(Math.min(new Date(expiresAt).getTime(), Math.max(...ends))) }
}
