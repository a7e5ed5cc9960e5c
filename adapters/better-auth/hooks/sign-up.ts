import type { BetterAuthOptions, GenericEndpointContext } from 'better-auth'

/**
 * Returns true for a sign-up that gives no session: the device has to sign in before it can use the account. In
 * that case Better Auth responds in the same way whether the address has an account or not.
 */
export function givesNoSession(path: string | undefined, { emailAndPassword }: BetterAuthOptions): boolean {
  const { requireEmailVerification, autoSignIn } = emailAndPassword ?? {}
  return path === '/sign-up/email' && (requireEmailVerification === true || autoSignIn === false)
}

/** Leaves the principal out of the answer of such a sign-up: Better Auth's synthetic user has none. */
export async function hidePrincipal(ctx: GenericEndpointContext): Promise<unknown> {
  const { returned } = ctx.context as { readonly returned?: { readonly user?: object } }
  return returned?.user && ctx.json({ ...returned, user: { ...returned.user, principal: null } })
}
