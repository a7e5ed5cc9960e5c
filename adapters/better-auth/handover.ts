import type { GenericEndpointContext } from 'better-auth'
import { isUntouched } from './credentials.ts'
import type { Adapter, ProvenDevice } from './lock.ts'
import { MOVED } from './mailbox.ts'
import type { BoundUser } from './schema.ts'
import { insertUnique } from './unique.ts'

/** Longer than anybody stays signed in, in milliseconds. */
const KEPT = 400 * 86_400_000

/**
 * Writes down that a session came from the first proof of a mailbox. Somebody else may have made the account, and may
 * still enter it.
 */
export async function noteHandover(adapter: Adapter, sessionId: string, now: Date): Promise<void> {
  await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: nameOf(sessionId), until: new Date(now.getTime() + KEPT) })
}

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
  const isHandedOver =
    user.principalMailboxBy === MOVED ||
    (await adapter.count({ model: 'latchkeyProof', where: [{ field: 'jti', value: nameOf(id) }] })) > 0
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

function nameOf(sessionId: string): string {
  return `handover:${sessionId}`
}
