import type { GenericEndpointContext } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import type { SessionAnswer, SessionSubject } from './answers.ts'
import { type Endpoint, requestSession } from './endpoint.ts'
import { rethrow } from '../hooks/proofs.ts'
import { identifiersOf } from '../hooks/request-context.ts'
import { principalStore } from '../binding/principal-store.ts'
import { type AskingSession, isImpersonated, isPaired, keyThatMade } from '../binding/session-origin.ts'
import { peekSubject, subjectOf } from '../binding/subject.ts'
import type { Subject } from '../binding/types.ts'
import { actorOf } from '../binding/token-subject.ts'

/** @param found - the session as Better Auth returns it */
export function sessionSubject(
  { session, user }: { readonly session: AskingSession; readonly user: object },
  subject: Subject,
): SessionSubject {
  return { id: session.id, identifiers: identifiersOf(user), provenBy: keyThatMade(session), ...subject }
}

/** Tells a late sign-out which session it is meant for. */
function originOf({ session }: { readonly session: { readonly createdAt: Date } }): Partial<SessionSubject> {
  const { impersonatedBy } = session as { readonly impersonatedBy?: string | null }
  // Better Auth wrote the time by the system's clock.
  const age = Date.now() - new Date(session.createdAt).getTime()
  return { age, ...(impersonatedBy && { impersonatedBy }) }
}

/** A user of the anonymous plugin is not an account: it cannot be signed in to again. */
async function accountSession(ctx: Parameters<typeof requestSession>[0]): ReturnType<typeof requestSession> {
  const found = await requestSession(ctx)
  return found?.user['isAnonymous'] === true ? null : found
}

/** Ids are random and unknown to others, and the answer only says that a session no longer exists. */
async function isSessionEnded({ query, context }: GenericEndpointContext): Promise<boolean | undefined> {
  const { ended: id } = (query ?? {}) as Record<string, unknown>
  const { secondaryStorage, session } = context.options
  // Sessions that exist only in the secondary storage cannot be found by id.
  const isFindable = typeof id === 'string' && id.length <= 200 && isPlainText(id)
  if (!isFindable || (secondaryStorage && !session?.storeSessionInDatabase)) return undefined
  const found = await context.adapter.findOne<{ expiresAt: Date }>({
    model: 'session',
    where: [{ field: 'id', value: id }],
  })
  return !found || new Date(found.expiresAt).getTime() <= Date.now()
}

/**
 * Creates the endpoint that returns the subject of the session, and fixes it. An open account stays open with `?peek=1`
 * and for a session that is not of the user's own sign-in.
 */
export function sessionEndpoint(clock: () => number): Endpoint {
  return createAuthEndpoint(
    '/latchkey/session',
    { method: 'GET', requireHeaders: true, metadata: { noStore: true } },
    async (ctx) => {
      const found = await accountSession(ctx)
      const principals = principalStore(ctx.context.adapter, new Date(clock()))
      const isPeek = (ctx.query as Record<string, unknown> | undefined)?.['peek'] === '1'
      // No user has signed in on such a device, who could bind it instead.
      const isOther = found && (isImpersonated(found.session) || isPaired(found.session))
      const look = isPeek || isOther ? peekSubject : subjectOf
      const subject = found && (await look(principals, found.user.id, found.session).catch(rethrow))
      const actor = found && (await actorOf(principals, found.session))
      const isEnded = await isSessionEnded(ctx as unknown as GenericEndpointContext)
      return ctx.json<SessionAnswer>({
        now: clock(),
        session: subject && {
          ...sessionSubject(found, subject),
          ...(actor && { actor }),
          ...(isPeek && originOf(found)),
        },
        ...(isEnded !== undefined && { isEnded }),
      })
    },
  )
}
