import type { GenericEndpointContext } from 'better-auth'
import { isAPIError } from 'better-auth/api'
import { changeUser, findUser } from '../binding/principal-store.ts'
import { NOBODY, RESET, proveMailbox } from '../binding/verified-email.ts'
import { provenDevice, requestContextOf } from './request-context.ts'

/** The only route that hands an account over by its mailbox and leaves no trace in the user. */
export const PASSWORD_RESET = '/reset-password'

/** The holder of the token owns the mailbox: the consequences are applied before the password changes. */
export async function beforePasswordReset(ctx: GenericEndpointContext, now: Date): Promise<void> {
  const { adapter, internalAdapter } = ctx.context
  const token: unknown = ctx.body?.token || ctx.query?.token
  const verification =
    typeof token === 'string' && token ? await internalAdapter.findVerificationValue(`reset-password:${token}`) : null
  if (!verification || verification.expiresAt < new Date()) return
  const user = await findUser(adapter, 'id', verification.value)
  if (!user) return
  requestContextOf(ctx).resetUser = user.id
  await proveMailbox(adapter, user, (await provenDevice(ctx))?.principal ?? NOBODY, now)
}

/** The password is now the choice of the mailbox's owner, unless the principal's own key proved the mailbox. */
export async function afterPasswordReset(ctx: GenericEndpointContext): Promise<void> {
  const { adapter, returned } = ctx.context as typeof ctx.context & { readonly returned?: unknown }
  const { resetUser } = requestContextOf(ctx)
  const user = resetUser && !isAPIError(returned) ? await findUser(adapter, 'id', resetUser) : null
  if (!user || user.principalMailboxBy == null || user.principalMailboxBy === user.principal) return
  await changeUser(adapter, user, { principalMailboxBy: RESET })
}
