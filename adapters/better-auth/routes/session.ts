import { createAuthEndpoint, getAuthoritativeSessionFromCtx } from 'better-auth/api'
import type { Endpoint } from './endpoint.ts'
import { rethrow } from '../hooks/proofs.ts'
import { identifiersOf } from '../hooks/request-context.ts'
import { isImpersonated } from '../hooks/impersonation.ts'
import { type AskingSession, keyThatMade } from '../binding/session-origin.ts'
import { type Subject, peekSubject, subjectOf } from '../binding/subject.ts'

/** The response of `GET /latchkey/session`. */
export interface SessionAnswer {
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
  /** The subject of the current session; null without a session. `open` only with `?peek=1`. */
  readonly session: SessionSubject | null
}

/** Who a session belongs to. */
export interface SessionSubject extends Subject {
  /** A new id after each sign-in. */
  readonly id: string
  /** The verified e-mail address and phone number, in lower case. */
  readonly identifiers: readonly string[]
  /** True if the account is unused. */
  readonly open?: boolean
  /** The principal whose key signed the request that made the session; null: that request had no proof. */
  readonly provenBy: string | null
}

/** @param found - the session as Better Auth returns it */
export function sessionSubject(
  { session, user }: { readonly session: AskingSession; readonly user: object },
  subject: Subject,
): SessionSubject {
  return { id: session.id, identifiers: identifiersOf(user), provenBy: keyThatMade(session), ...subject }
}

type Context = Parameters<typeof getAuthoritativeSessionFromCtx>[0]

/**
 * Reads the session without any cookie cache: a revoked session must not learn the account's current state. A user of
 * the anonymous plugin is not an account: it cannot be signed in to again.
 */
async function accountSession(ctx: Context): ReturnType<typeof getAuthoritativeSessionFromCtx> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  return found?.user['isAnonymous'] === true ? null : found
}

/**
 * Creates the endpoint that returns the subject of the session, and fixes it; with `?peek=1` an open account stays
 * open.
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
