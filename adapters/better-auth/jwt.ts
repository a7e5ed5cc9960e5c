import type { AuthContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { type JwtOptions, jwt } from 'better-auth/plugins/jwt'
import { rethrow } from './hooks/proofs.ts'
import { type Subject, subjectOf } from './binding/subject.ts'

type Session = Parameters<NonNullable<NonNullable<JwtOptions['jwt']>['definePayload']>>[0]

/**
 * Better Auth's `jwt` plugin, with `sub` the account's principal and only Latchkey's claims in the payload;
 * the plugin alone would put the whole user into it, e-mail address included.
 *
 * @param options - as for `jwt`; what `definePayload` returns is added, `sub` stays the principal
 */
export function latchkeyJwt(options: JwtOptions = {}): ReturnType<typeof jwt> {
  let context: AuthContext | undefined
  const subjects = new WeakMap<Session, Promise<Subject>>()

  // Payload and subject are asked for one after the other: one look at the database serves both.
  const subject = (session: Session): Promise<Subject> => {
    const found = subjects.get(session) ?? readSubject(context!, session)
    subjects.set(session, found)
    return found
  }

  const settings: NonNullable<JwtOptions['jwt']> = {
    ...options.jwt,
    getSubject: async (session) => (await subject(session)).principal,
    definePayload: async (session) => ({
      ...(await options.jwt?.definePayload?.(session)),
      auth_mode: 'external',
      // There is nothing to sign in to again: resolvers refuse it as an account.
      ...(session.user['isAnonymous'] === true && { is_anonymous: true }),
      aliases: (await subject(session)).aliases,
    }),
  }
  const plugin = jwt({ disableSettingJwtHeader: true, ...options, jwt: settings })
  return {
    ...plugin,
    init(ctx) {
      context = ctx
      // Signing in works without it, so that nothing else says why every request is refused.
      if (ctx.options.disabledPaths?.includes('/token'))
        ctx.logger.warn("latchkey: disabledPaths contains '/token': clients get no tokens for their accounts")
      const origin = ctx.baseURL && new URL(ctx.baseURL).origin
      // The plugin alone would take the base URL as it is written, with its path or a slash at the end.
      settings.issuer ??= origin
      settings.audience ??= origin
      return plugin.init(ctx)
    },
  }
}

/**
 * @throws {APIError} 401: the session was revoked, though a cookie cache still has it; or `USER_ID_FORBIDDEN`
 */
async function readSubject({ adapter, internalAdapter }: AuthContext, { session, user }: Session): Promise<Subject> {
  const isLive = (await internalAdapter.findSession(session.token)) !== null
  const subject = isLive && (await subjectOf(adapter, user.id, new Date(), session).catch(rethrow))
  if (!subject) throw new APIError('UNAUTHORIZED')
  return subject
}
