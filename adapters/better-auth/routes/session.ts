import { createAuthEndpoint, getAuthoritativeSessionFromCtx } from 'better-auth/api'
import type { Endpoint } from './endpoint.ts'
import { rethrow } from '../hooks/proofs.ts'
import { identifiersOf } from '../hooks/request-context.ts'
import { isImpersonated } from '../hooks/impersonation.ts'
import { type AskingSession, keyThatMade } from '../binding/session-origin.ts'
import { type Subject, peekSubject, subjectOf } from '../binding/subject.ts'

/** What `GET /latchkey/session` answers. */
export interface SessionAnswer {
  /** This server's clock, milliseconds since 1970. */
  readonly now: number
  /** Who the session in force belongs to; null where there is none. `open` only with `?peek=1`. */
  readonly session: SessionSubject | null
}

/** What of a session matters here. */
type Session = AskingSession & { readonly impersonatedBy?: string | null }

/** Who a session belongs to. */
export interface SessionSubject extends Subject {
  /** Another one after each sign-in. */
  readonly id: string
  /** The e-mail address and phone number that the account has proven, in small letters. */
  readonly identifiers: readonly string[]
  /** Nobody has used the account yet. */
  readonly open?: boolean
  /** The principal whose key signed the request that made the session; null: that request had no proof. */
  readonly provenBy: string | null
}

/** @param found - as Better Auth gives it */
export function sessionSubject(
  { session, user }: { readonly session: Session; readonly user: object },
  subject: Subject,
): SessionSubject {
  return { id: session.id, identifiers: identifiersOf(user), provenBy: keyThatMade(session), ...subject }
}

type Context = Parameters<typeof getAuthoritativeSessionFromCtx>[0]

/**
 * Reads the session behind every cookie cache: a revoked one must not learn whose the account is now.
 * A user of the anonymous plugin is not an account: there is nothing to sign in to again.
 */
async function accountSession(ctx: Context): ReturnType<typeof getAuthoritativeSessionFromCtx> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  return found?.user['isAnonymous'] === true ? null : found
}

/**
 * Says who the session belongs to, and fixes it. An open account stays open with `?peek=1`, and while an admin
 * impersonates its user.
 */
export function sessionEndpoint(clock: () => number): Endpoint {
  return createAuthEndpoint(
    '/latchkey/session',
    { method: 'GET', requireHeaders: true, metadata: { noStore: true } },
    async (ctx) => {
      const found = await accountSession(ctx)
      const isPeek = (ctx.query as Record<string, unknown> | undefined)?.['peek'] === '1'
      const look = isPeek || isImpersonated(found?.session) ? peekSubject : subjectOf
      const subject =
        found && (await look(ctx.context.adapter, found.user.id, new Date(clock()), found.session).catch(rethrow))
      return ctx.json<SessionAnswer>({ now: clock(), session: subject && sessionSubject(found, subject) })
    },
  )
}
