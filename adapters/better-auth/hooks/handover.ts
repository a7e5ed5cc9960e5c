import type { GenericEndpointContext } from 'better-auth'
import { lastAct } from '../binding/audit.ts'
import { changeUser, findRow, findUser } from '../binding/principal-store.ts'
import { type AskingSession, isMakers } from '../binding/session-origin.ts'
import { CONTESTED, MOVED, NOBODY, proverBySession } from '../binding/verified-email.ts'
import type { Adapter, ProvenDevice } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'
import { type WayIn, waysIn } from './credentials.ts'

/**
 * Lists what must be removed before a session may bind its device's principal to an open account. If the mailbox was
 * proven since the account was created, in this request or an earlier one, its creator is unknown and may still have
 * access.
 */
export async function waysBeforeBinding(
  ctx: GenericEndpointContext,
  user: BoundUser,
  token: string,
): Promise<readonly WayIn[]> {
  return user.principalMailboxBy == null ? [] : waysIn(ctx, user, token)
}

/**
 * Lists what must be removed before a device may link its principal to the account of this session. Nothing, if the
 * mailbox was not proven since the account was created, if the key of the account's principal signed that proof, if
 * this key created the account, or if the session was made with the creator's credentials and no one else has been
 * shown to own the mailbox.
 *
 * @returns null if there was nothing to look for
 */
export async function waysBeforeLinking(
  ctx: GenericEndpointContext,
  user: BoundUser,
  device: ProvenDevice,
): Promise<readonly WayIn[] | null> {
  const { adapter, session } = ctx.context
  const { principal, principalMailboxBy: prover } = user
  if (prover == null || prover === principal) return null
  // Such a proof may be the creator's or another person's: it says nothing to sessions that others made.
  if (isMakers(session!.session as AskingSession, user) && (await isUndecided(adapter, user))) return null
  if (await wasBound(adapter, user, device)) return null
  return waysIn(ctx, user, session!.session.token)
}

async function isUndecided(adapter: Adapter, { principal, principalMailboxBy: prover }: BoundUser): Promise<boolean> {
  if (prover === CONTESTED || prover === proverBySession(principal!)) return true
  // The principal is still that of the device that made the account: a reset leaves one without a key.
  const isKept = principal != null && (await findRow(adapter, principal))?.thumbprint != null
  return isKept && (prover === MOVED || prover === NOBODY)
}

/** After nothing remained: from here on every credential is the work of the one person who is left. */
export async function endHandover(adapter: Adapter, userId: string): Promise<void> {
  const user = await findUser(adapter, 'id', userId)
  if (user) await changeUser(adapter, user, { principalMailboxBy: null })
}

/**
 * Returns true if the account had this principal before: its proof created the account. A removed alias created
 * nothing.
 */
async function wasBound(adapter: Adapter, { id }: BoundUser, { principal }: ProvenDevice): Promise<boolean> {
  const of = { userId: id, principal }
  if (await lastAct(adapter, 'bind', of)) return true
  return (await lastAct(adapter, 'reset', of)) !== undefined && !(await lastAct(adapter, 'link', of))
}
