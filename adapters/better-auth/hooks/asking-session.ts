import type { GenericEndpointContext } from 'better-auth'
import { getAuthoritativeSessionFromCtx } from 'better-auth/api'

/** The part of Better Auth's plugin `bearer` that makes the session's cookie of the header `Authorization`. */
interface Bearer {
  readonly hooks: { readonly before: readonly BearerHook[] }
}

interface BearerHook {
  matcher(ctx: GenericEndpointContext): boolean
  handler(ctx: object): Promise<{ readonly context: { readonly headers: Headers } } | undefined>
}

/**
 * Reads the session of a request in a hook before its endpoint. Better Auth gives each of these hooks the headers that
 * the client sent: the cookie that `bearer` makes reaches only the endpoint.
 */
export async function askingSession(ctx: GenericEndpointContext): ReturnType<typeof getAuthoritativeSessionFromCtx> {
  return getAuthoritativeSessionFromCtx((await withBearer(ctx)) ?? ctx)
}

/** Returns the request with the cookie that `bearer` makes; null if it makes none. */
export async function withBearer(ctx: GenericEndpointContext): Promise<GenericEndpointContext | null> {
  const bearer = ctx.context.getPlugin('bearer') as unknown as Bearer | null
  const hook = bearer?.hooks.before.find(({ matcher }) => matcher(ctx))
  const found = await hook?.handler({ ...ctx, returnHeaders: false })
  return found ? { ...ctx, headers: found.context.headers } : null
}
