import type { GenericEndpointContext } from 'better-auth'
import { isUntouched } from './credentials.ts'
import { isNotedHandover } from '../binding/handover-note.ts'
import { MOVED } from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'
import type { Adapter, ProvenDevice } from '../binding/types.ts'

/**
 * Tells whether a session may give its device's principal to an open account. A mailbox that was proven since the
 * account was made, in this request or in any before, says nothing about who made it, and may still enter it.
 */
export async function mayTakeOver(ctx: GenericEndpointContext, user: BoundUser, token: string): Promise<boolean> {
  return user.principalMailboxBy == null || isUntouched(ctx, user, token)
}

/**
 * Tells whether a device may link its principal to the account of this session: not if the session came from the first
 * proof of the mailbox, or the account's address was changed, unless the account is this key's own work, or its
 * principal's key signed for that proof, or nobody else can enter it any more.
 */
export async function mayLink(ctx: GenericEndpointContext, user: BoundUser, device: ProvenDevice): Promise<boolean> {
  const { adapter } = ctx.context
  const { id, token } = ctx.context.session!.session
  const isHandedOver = user.principalMailboxBy === MOVED || (await isNotedHandover(adapter, id))
  if (!isHandedOver || (user.principal != null && user.principalMailboxBy === user.principal)) return true
  return (await wasBound(adapter, user, device)) || isUntouched(ctx, user, token)
}

/** The account had this principal before: its proof made it. An alias that was given back made nothing. */
async function wasBound(adapter: Adapter, { id }: BoundUser, { principal }: ProvenDevice): Promise<boolean> {
  const where = [
    { field: 'principal', value: principal },
    { field: 'userId', value: id },
  ]
  const acts = (await adapter.findMany<{ act: string }>({ model: 'latchkeyAudit', where })).map(
    ({ act }) => act.split(':')[0],
  )
  return acts.includes('bind') || (acts.includes('reset') && !acts.includes('link'))
}
