import type { GenericEndpointContext } from 'better-auth'
import { getOAuthState } from 'better-auth/api'
import type { PrincipalStore } from '../binding/principal-store.ts'
import {
  NOBODY,
  isMailboxProven,
  isOwnKey,
  proveMailbox,
  proverByKey,
  proverOfProvider,
} from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { type AddedCredential, provenDevice, requestContextOf } from './request-context.ts'
import { isCredentialSignIn, isSignIn } from './sign-in-origin.ts'

/**
 * Returns the value of `principalMailboxBy` for a proof of a user's mailbox by this request: their own key, or else the
 * provider that the request has added, or else another key's principal, or nobody.
 */
export async function proverOfRequest(
  principals: PrincipalStore,
  ctx: GenericEndpointContext | null,
  user: BoundUser | null,
): Promise<string> {
  const device = await provenDevice(ctx)
  if (device && user && (await isOwnKey(principals, user, device))) return proverByKey(user)
  const { addedCredential } = requestContextOf(ctx)
  return addedCredential ? proverOfProvider(addedCredential.id) : (device?.principal ?? NOBODY)
}

/** Returns true if a sign-in added a provider to a user who existed: Better Auth found the user by the address. */
export function isLinkedByAddress(ctx: GenericEndpointContext): boolean {
  const { addedCredential, createdUser } = requestContextOf(ctx)
  return addedCredential !== undefined && !createdUser && !isCredentialSignIn(ctx)
}

/**
 * Called before a sign-in adds a provider to a user because of the address: the provider verified it, or the app trusts
 * the provider (`trustedProviders`). Records that as a proof of the mailbox. It must not be recorded later: if the
 * server died in between, the next sign-in would find the provider among the user's own credentials.
 */
export async function proveByProvider(
  principals: PrincipalStore,
  ctx: GenericEndpointContext | null,
  userId: string,
): Promise<boolean> {
  if (!isSignIn(ctx) || isCredentialSignIn(ctx) || requestContextOf(ctx).createdUser) return false
  // The user's own session adds it, whatever its address.
  if ((await getOAuthState())?.link) return false
  const user = await principals.findUser('id', userId)
  if (!user || user.emailVerified) return false
  if (isMailboxProven(user)) {
    // The app or the database may have refused the provider of an earlier sign-in after its proof was recorded.
    if (user.principalMailboxBy === NOBODY) requestContextOf(ctx).reboundUser = userId
    return false
  }
  const device = await provenDevice(ctx)
  const isOwn = device !== undefined && (await isOwnKey(principals, user, device))
  await proveMailbox(principals, user, isOwn ? device.principal : NOBODY)
  requestContextOf(ctx).reboundUser = userId
  return true
}

/** Called once the provider has an id: names it in the proof that was recorded before. */
export async function nameProvider(
  principals: PrincipalStore,
  ctx: GenericEndpointContext | null,
  { id, userId }: AddedCredential,
): Promise<void> {
  if (requestContextOf(ctx).reboundUser !== userId) return
  const user = await principals.findUser('id', userId)
  if (user?.principalMailboxBy === NOBODY)
    await principals.changeUnprovenUser(user, { principalMailboxBy: proverOfProvider(id) })
}
