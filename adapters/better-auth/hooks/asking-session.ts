import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthMiddleware, type getAuthoritativeSessionFromCtx, getSessionFromCtx } from 'better-auth/api'

/** The part of Better Auth's plugin `bearer` that makes the session's cookie of the header `Authorization`. */
interface Bearer {
  readonly hooks: { readonly before: readonly BearerHook[] }
}

interface BearerHook {
  matcher(ctx: GenericEndpointContext): boolean
  handler(ctx: object): Promise<{ readonly context: { readonly headers: Headers } } | undefined>
}

/** A session and its user, as Better Auth returns them; null if there is none. */
export type FoundSession = Awaited<ReturnType<typeof getAuthoritativeSessionFromCtx>>

/**
 * Reads the session of a request in a hook before its endpoint. Better Auth gives each of these hooks the headers that
 * the client sent: the cookie that `bearer` makes reaches only the endpoint.
 */
export async function askingSession(ctx: GenericEndpointContext): Promise<FoundSession> {
  return storedSession((await withBearer(ctx)) ?? ctx)
}

/** Returns the request with the cookie that `bearer` makes; null if it makes none. */
export async function withBearer(ctx: GenericEndpointContext): Promise<GenericEndpointContext | null> {
  const bearer = ctx.context.getPlugin('bearer') as unknown as Bearer | null
  const hook = bearer?.hooks.before.find(({ matcher }) => matcher(ctx))
  const found = await hook?.handler({ ...ctx, returnHeaders: false })
  return found ? { ...ctx, headers: found.context.headers } : null
}

/**
 * Reads the valid session of a request's cookie where sessions are stored, not from the cookie cache, and leaves it as
 * it is. Better Auth's own reads take a failed read for no session; what is refused by this one would then be allowed.
 *
 * @throws the error of the database or the secondary storage
 */
export async function storedSession(ctx: GenericEndpointContext): Promise<FoundSession> {
  return readCookie({ ...ctx, asResponse: false, returnHeaders: false })
}

const readCookie = createAuthMiddleware(async ({ context, getSignedCookie }) => {
  const token = await getSignedCookie(context.authCookies.sessionToken.name, context.secret)
  const found = token ? await context.internalAdapter.findSession(token) : null
  // Better Auth wrote the time by the system's clock.
  return found && new Date(found.session.expiresAt).getTime() > Date.now() ? found : null
})

/**
 * Reads the session as {@link storedSession} does, for a request whose endpoint may accept the cookie cache alone: a
 * session that has ended must not do there what it could not do before.
 *
 * @throws {APIError} `UNAUTHORIZED`: only the cookie cache has the session; and what {@link storedSession} throws
 */
export async function uncachedSession(ctx: GenericEndpointContext): Promise<FoundSession> {
  const stored = await storedSession(ctx)
  const unread = { ...ctx, context: { ...ctx.context, session: null } }
  if (!stored && (await readCache({ ...unread, asResponse: false, returnHeaders: false }))) throw noSession()
  return stored
}

const readCache = createAuthMiddleware(async (ctx) => getSessionFromCtx(ctx, { disableRefresh: true }))

/** Returns the error for a request without a session. */
export function noSession(): APIError {
  return new APIError('UNAUTHORIZED', { code: 'UNAUTHORIZED', message: 'There is no session.' })
}
