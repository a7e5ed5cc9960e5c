import type { AuthContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { type JwtOptions, jwt } from 'better-auth/plugins/jwt'
import { isCrossSite } from './hooks/cross-site.ts'
import { rethrow } from './hooks/proofs.ts'
import { principalStore } from './binding/principal-store.ts'
import { issueSid } from './binding/sessions.ts'
import { type TokenSubject, tokenSubject } from './binding/token-subject.ts'

/** The subject of a token, and its claim `sid`. */
type SessionSubject = TokenSubject & { readonly sid: string }

type Session = Parameters<NonNullable<NonNullable<JwtOptions['jwt']>['definePayload']>>[0]

/**
 * Creates Better Auth's `jwt` plugin with the account's principal as `sub` and only Latchkey's claims in the payload.
 * The `jwt` plugin alone would put the whole user into it, including the e-mail address.
 *
 * @param options - as for `jwt`; the result of `definePayload` is added, but `sub` stays the principal
 */
export function latchkeyJwt(options: JwtOptions = {}): ReturnType<typeof jwt> {
  let context: AuthContext | undefined
  const subjects = new WeakMap<Session, Promise<SessionSubject>>()

  // Payload and subject are requested one after the other: one read of the database serves both.
  const subject = (session: Session): Promise<SessionSubject> => {
    const found = subjects.get(session) ?? readSubject(context!, session)
    subjects.set(session, found)
    return found
  }

  const settings: NonNullable<JwtOptions['jwt']> = {
    ...options.jwt,
    getSubject: async (session) => (await subject(session)).principal,
    definePayload: async (session) => {
      const { aliases, actor, sid } = await subject(session)
      return {
        ...(await options.jwt?.definePayload?.(session)),
        auth_mode: 'external',
        // Such a user cannot sign in again: resolvers refuse it as an account.
        ...(session.user['isAnonymous'] === true && { is_anonymous: true }),
        aliases,
        sid,
        // RFC 8693 §4.1: an admin acts as the user.
        ...(actor !== null && { act: { sub: actor } }),
      }
    },
  }
  const plugin = jwt({ disableSettingJwtHeader: true, ...options, jwt: settings })
  return {
    ...plugin,
    hooks: {
      // It puts a token into the answer of `/get-session`, and a token fixes the principal.
      after: plugin.hooks.after.map((hook) => ({
        ...hook,
        matcher: (ctx) => hook.matcher(ctx) && !isFromOtherSite(ctx),
      })),
    },
    init(ctx) {
      context = ctx
      // Signing in works without it, so nothing else explains why every request is refused.
      if (ctx.options.disabledPaths?.includes('/token'))
        ctx.logger.warn("latchkey: disabledPaths contains '/token': clients get no tokens for their accounts")
      const origin = ctx.baseURL && new URL(ctx.baseURL).origin
      // The `jwt` plugin would otherwise use the base URL as written, with its path or a trailing slash.
      settings.issuer ??= origin
      settings.audience ??= origin
      return plugin.init(ctx)
    },
  }
}

type HookContext = Parameters<ReturnType<typeof jwt>['hooks']['after'][number]['matcher']>[0]

/** A link on another site leads to a page for which the app reads the session, so it is no reason to refuse that. */
function isFromOtherSite(ctx: HookContext): boolean {
  return isCrossSite(ctx as unknown as Parameters<typeof isCrossSite>[0])
}

/**
 * @throws {APIError} 401: the session was revoked, though a cookie cache still has it; the codes of
 *   {@link tokenSubject}
 */
async function readSubject(context: AuthContext, { session, user }: Session): Promise<SessionSubject> {
  const found = await context.internalAdapter.findSession(session.token)
  if (!found) throw new APIError('UNAUTHORIZED')
  const subject = await tokenSubject(principalStore(context.adapter, new Date()), user.id, session).catch(rethrow)
  if (!subject) throw new APIError('UNAUTHORIZED')
  return { ...subject, sid: await issueSid(context, found.session) }
}
