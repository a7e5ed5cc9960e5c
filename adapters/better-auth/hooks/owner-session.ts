import type { GenericEndpointContext } from 'better-auth'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { madeByOwner } from '../binding/session-origin.ts'
import { mailboxName } from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { comparesPassword } from './compared-password.ts'
import { isOwnersCredential, passwordOf } from './credentials.ts'
import { isLinkedByAddress } from './provider-proof.ts'
import { requestContextOf } from './request-context.ts'
import {
  isApproved,
  isMailboxSignIn,
  isVerification,
  originOf,
  replacedSession,
  verifiedAddressOf,
} from './sign-in-origin.ts'

/**
 * Returns the value of `principalVia` for a session that this request creates: its origin, and the mailbox if its owner
 * makes the session. It is recorded now, because what makes a session can be removed afterwards.
 */
export async function principalViaOf(
  principals: PrincipalStore,
  userId: string,
  ctx: GenericEndpointContext | null,
): Promise<string | null> {
  const origin = await originOf(userId, ctx)
  if (!ctx || isApproved(ctx) || replacedSession(userId, ctx) || !mayBeOwners(ctx)) return origin
  const user = await principals.findUser('id', userId)
  if (!user || !(await isOwners(principals, ctx, user))) return origin
  return madeByOwner(origin, await mailboxName({ email: (await mailedAddress(ctx)) ?? user.email }))
}

/** The user's present address may be another one: it may have been changed since the request found the user by it. */
async function mailedAddress(ctx: GenericEndpointContext): Promise<string | undefined> {
  if (!isMailboxSignIn(ctx) && !isVerification(ctx)) return undefined
  return requestContextOf(ctx).mailedTo ?? verifiedAddressOf(ctx)
}

/** Returns true for a request that signs in by mail, a provider or a password. */
function mayBeOwners(ctx: GenericEndpointContext): boolean {
  return isByMail(ctx) || requestContextOf(ctx).usedCredential !== undefined || comparesPassword(ctx)
}

/** A provider that the sign-in has just linked by the address vouches for the mailbox, as a mailed link does. */
function isByMail(ctx: GenericEndpointContext): boolean {
  return isMailboxSignIn(ctx) || isVerification(ctx) || isLinkedByAddress(ctx)
}

async function isOwners({ adapter }: PrincipalStore, ctx: GenericEndpointContext, user: BoundUser): Promise<boolean> {
  if (isByMail(ctx)) return true
  if (user.principalMailboxBy == null) return false
  // The password that was compared: it is compared once more if it was replaced meanwhile.
  const used = comparesPassword(ctx) ? await passwordOf(adapter, user.id) : requestContextOf(ctx).usedCredential
  return used != null && isOwnersCredential(user, used)
}
