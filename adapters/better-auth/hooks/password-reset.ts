import type { GenericEndpointContext } from 'better-auth'
import { isAPIError } from 'better-auth/api'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { NOBODY, RESET, confirmByKey, isProofPending, proveMailbox } from '../binding/verified-email.ts'
import { provenDevice, requestContextOf } from './request-context.ts'

/** The only route that hands an account over by its mailbox and leaves no trace in the user. */
export const PASSWORD_RESET = '/reset-password'

/** Records whose password the request resets: afterwards its token is used up. Changes nothing in the database. */
export async function beforePasswordReset(ctx: GenericEndpointContext): Promise<void> {
  const token: unknown = ctx.body?.token || ctx.query?.token
  const verification =
    typeof token === 'string' && token
      ? await ctx.context.internalAdapter.findVerificationValue(`reset-password:${token}`)
      : null
  if (verification) requestContextOf(ctx).resetUser = verification.value
}

/**
 * Applies the consequences of the proof together with the new password, once Better Auth has accepted both: the holder
 * of the token owns the mailbox. Where the address was verified before, there is nothing left to prove.
 */
export async function provePasswordReset(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const { resetUser } = requestContextOf(ctx)
  const user = resetUser ? await principals.findUser('id', resetUser) : null
  if (!user || (user.emailVerified && !isProofPending(user))) return
  await proveMailbox(principals, user, (await provenDevice(ctx))?.principal ?? NOBODY)
}

/** The password is now the choice of the mailbox's owner, unless the principal's own key proved the mailbox. */
export async function afterPasswordReset(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const { returned } = ctx.context as typeof ctx.context & { readonly returned?: unknown }
  const { resetUser } = requestContextOf(ctx)
  const user = resetUser && !isAPIError(returned) ? await principals.findUser('id', resetUser) : null
  if (!user || user.principalMailboxBy == null || user.principalMailboxBy === user.principal) return
  const device = await provenDevice(ctx)
  if (device && device.principal === user.principal) await confirmByKey(principals, user)
  else await principals.changeUser(user, { principalMailboxBy: RESET })
}
