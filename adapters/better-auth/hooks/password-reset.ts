import type { GenericEndpointContext } from 'better-auth'
import { findUser } from '../binding/principal-store.ts'
import { NOBODY, proveMailbox } from '../binding/verified-email.ts'
import { provenDevice } from './request-context.ts'

/** The one route that hands an account over by its mailbox and leaves no trace of that in the user. */
export const PASSWORD_RESET = '/reset-password'

/** Whoever has the token has the mailbox: what follows from that is done before the password changes. */
export async function beforePasswordReset(ctx: GenericEndpointContext, now: Date): Promise<void> {
  const { adapter, internalAdapter } = ctx.context
  const token: unknown = ctx.body?.token || ctx.query?.token
  const verification =
    typeof token === 'string' && token ? await internalAdapter.findVerificationValue(`reset-password:${token}`) : null
  if (!verification || verification.expiresAt < new Date()) return
  const user = await findUser(adapter, 'id', verification.value)
  if (user) await proveMailbox(adapter, user, (await provenDevice(ctx))?.principal ?? NOBODY, now)
}
