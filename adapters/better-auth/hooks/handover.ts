import type { GenericEndpointContext } from 'better-auth'
import { changeUser } from '../binding/principal-store.ts'
import { type AskingSession, isMakers } from '../binding/session-origin.ts'
import { CONTESTED } from '../binding/verified-email.ts'
import type { Adapter, ProvenDevice } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'
import { type WayIn, waysIn } from './credentials.ts'

/** None: the account has been handed over completely, or never was. */
export type RemainingWays = readonly WayIn[]

/**
 * Lists what has to be removed before a session may give its device's principal to an open account. A mailbox that was
 * proven since the account was made, in this request or in any before, says nothing about who made it, and may still
 * enter it.
 */
export async function waysBeforeBinding(
  ctx: GenericEndpointContext,
  user: BoundUser,
  token: string,
): Promise<RemainingWays> {
  return user.principalMailboxBy == null ? [] : waysIn(ctx, user, token)
}

/**
 * Lists what has to be removed before a device may link its principal to the account of this session. Nothing, if
 * nobody proved the mailbox after the account was made, if its principal's key signed for that proof, if a credential
 * of the maker asks and nobody else has been shown to have the mailbox, or if the account is this key's own work.
 */
export async function waysBeforeLinking(
  ctx: GenericEndpointContext,
  user: BoundUser,
  device: ProvenDevice,
): Promise<RemainingWays> {
  const { adapter, session } = ctx.context
  const { principal, principalMailboxBy: prover } = user
  if (prover == null || prover === principal) return []
  if (prover === CONTESTED && isMakers(session!.session as AskingSession, user)) return []
  if (await wasBound(adapter, user, device)) return []
  const ways = await waysIn(ctx, user, session!.session.token)
  // From here on every credential is the work of the one person who is left.
  if (ways.length === 0) await changeUser(adapter, user, { principalMailboxBy: null })
  return ways
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
