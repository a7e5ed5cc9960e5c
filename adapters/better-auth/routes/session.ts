import { createAuthEndpoint, getAuthoritativeSessionFromCtx } from 'better-auth/api'
import type { Endpoint } from './endpoint.ts'
import { rethrow } from '../hooks/proofs.ts'
import { identifiersOf } from '../hooks/request-context.ts'
import { type Subject, peekSubject, subjectOf } from '../binding/subject.ts'

/** What `GET /latchkey/session` answers. */
export interface SessionAnswer {
  /** This server's clock, milliseconds since 1970. */
  readonly now: number
  /** Who the session in force belongs to; null where there is none. `open` only with `?peek=1`. */
  readonly session: SessionSubject | null
}

/** Who a session belongs to. */
export interface SessionSubject extends Subject {
  /** Another one after each sign-in. */
  readonly id: string
  /** The e-mail address and phone number that the account has proven, in small letters. */
  readonly identifiers: readonly string[]
  /** Nobody has used the account yet. */
  readonly open?: boolean
}

/** @param found - as Better Auth gives it */
export function sessionSubject(
  { session, user }: { readonly session: { readonly id: string }; readonly user: object },
  subject: Subject,
): SessionSubject {
  return { id: session.id, identifiers: identifiersOf(user), ...subject }
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

/** Says who the session belongs to, and fixes it; with `?peek=1` an open account stays open. */
export function sessionEndpoint(clock: () => number): Endpoint {
  return createAuthEndpoint(
    '/latchkey/session',
    { method: 'GET', requireHeaders: true, metadata: { noStore: true } },
    async (ctx) => {
      const found = await accountSession(ctx)
      const look = (ctx.query as Record<string, unknown> | undefined)?.['peek'] === '1' ? peekSubject : subjectOf
      const subject =
        found && (await look(ctx.context.adapter, found.user.id, new Date(clock()), found.session).catch(rethrow))
      return ctx.json<SessionAnswer>({ now: clock(), session: subject && sessionSubject(found, subject) })
    },
  )
}
