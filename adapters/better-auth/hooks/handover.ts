import type { GenericEndpointContext } from 'better-auth'
import { lastAct } from '../binding/audit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { type AskingSession, isMakers, keyThatMade } from '../binding/session-origin.ts'
import type { SessionRow } from '../binding/sessions.ts'
import { isOnlyVerified, isOthers, proverByKey } from '../binding/verified-email.ts'
import type { ProvenDevice } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'
import { type WayIn, hasCredentialSince, waysIn } from './credentials.ts'

/**
 * Lists what must be removed before a session may bind its device's principal to an open account. If the mailbox was
 * proven since the account was created, in this request or an earlier one, its creator is unknown and may still have
 * access.
 */
export async function waysBeforeBinding(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  user: BoundUser,
  asking: Pick<SessionRow, 'token' | 'principalVia'>,
): Promise<readonly WayIn[]> {
  return user.principalMailboxBy == null ? [] : waysIn(principals, ctx, user, asking)
}

/**
 * Lists what must be removed before a device may link its principal to the account of this session. Nothing, if the
 * mailbox was not proven since the account was created, if the account's own key signed that proof, if this key created
 * the account, or if the session was made with the creator's credentials and no one else has been
 * shown to own the mailbox, or may have added a credential.
 *
 * @returns null if there was nothing to look for
 */
export async function waysBeforeLinking(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  user: BoundUser,
  device: ProvenDevice,
): Promise<readonly WayIn[] | null> {
  const { session } = ctx.context
  const { principalMailboxBy: prover } = user
  if (prover == null || prover === proverByKey(user)) return null
  const asking = session!.session as SessionRow
  // Such a proof may be the creator's or another person's: it says nothing to sessions that others made.
  if (isMakers(asking, user) && (await isUndecided(principals, ctx, user, asking))) return null
  if (await wasBound(principals, user, device)) return null
  return waysIn(principals, ctx, user, asking)
}

async function isUndecided(
  principals: PrincipalStore,
  { context }: GenericEndpointContext,
  user: BoundUser,
  asking: AskingSession,
): Promise<boolean> {
  const { principal } = user
  if (isOnlyVerified(user)) return true
  // The principal is still that of the device that made the account: a reset leaves one without a key.
  const isKept = principal != null && (await principals.find(principal))?.thumbprint != null
  if (!isKept || isOthers(user)) return false
  // A credential that was added since may be the other person's: a session does not tell which one made it.
  return keyThatMade(asking) === principal || !(await hasCredentialSince(principals, context, user))
}

/** Called once nothing remained: from then on, every credential was created by the only person who is left. */
export async function endHandover(principals: PrincipalStore, userId: string): Promise<void> {
  const user = await principals.findUser('id', userId)
  if (user) await principals.changeUser(user, { principalMailboxBy: null })
}

/**
 * Returns true if the account had this principal before: its proof created the account. A removed alias created
 * nothing.
 */
async function wasBound(principals: PrincipalStore, { id }: BoundUser, { principal }: ProvenDevice): Promise<boolean> {
  const of = { userId: id, principal }
  if (await lastAct(principals, 'bind', of)) return true
  return (await lastAct(principals, 'reset', of)) !== undefined && !(await lastAct(principals, 'link', of))
}
