import type { GenericEndpointContext } from 'better-auth'
import { APIError, getOAuthState, isAPIError } from 'better-auth/api'
import { deleteSessionCookie, setCookieCache, setSessionCookie } from 'better-auth/cookies'
import { isLatchkeyError } from '../../../lib/server.ts'
import { claim } from '../binding/claim.ts'
import { endAsked } from './asker.ts'
import { storedSession } from './asking-session.ts'
import { comparesPassword, requirePassword } from './compared-password.ts'
import { deleteKeys } from './credentials.ts'
import { waysBeforeBinding } from './handover.ts'
import { touchKey } from '../binding/keys.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import {
  confirmByKey,
  hasBinding,
  isContested,
  isMailboxProven,
  isOwnKey,
  proveMailbox,
  proverByKey,
} from '../binding/verified-email.ts'
import { endSessions } from '../binding/sessions.ts'
import { isMailboxSignIn } from './sign-in-origin.ts'
import { isOpen } from '../binding/subject.ts'
import { refusal } from './proofs.ts'
import { isLinkedByAddress, proverOfRequest } from './provider-proof.ts'
import { EXPECT_HEADER, meetsExpectation, requestContextOf, provenDevice } from './request-context.ts'
import type { BoundUser } from '../schema.ts'
import type { StatusCache } from '../binding/status-cache.ts'
import type { ProvenDevice } from '../binding/types.ts'

/** Returns true if the request may have signed in a user, or changed an account's binding. */
export function concernsSignIn(ctx: {
  readonly headers?: Headers | undefined
  readonly path?: string | undefined
}): boolean {
  const { signedIn, reboundUser } = requestContextOf(ctx)
  return signedIn !== undefined || reboundUser !== undefined || comparesPassword(ctx)
}

/**
 * Called after a sign-in: binds a proven device to an account that is still open. If anything fails, the session ends,
 * since its account's principal would be uncertain; so does one whose password is gone by now.
 */
export async function afterSignIn(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  cache: StatusCache,
): Promise<void> {
  const { newSession } = ctx.context
  if (!newSession || (await isHalfSignedIn(ctx))) return
  try {
    await requirePassword(ctx, newSession.user.id)
    const { signedIn, createdUser } = requestContextOf(ctx)
    if (signedIn === newSession.session.token && !createdUser) await endAsked(principals, ctx, newSession.session)
    const isProven = await proveByMailbox(principals, ctx, newSession)
    if (isProven) cache.clear()
    const isRebound = await bindSession(principals, ctx, newSession, cache)
    if (isProven || isRebound || requestContextOf(ctx).reboundUser === newSession.user.id)
      await refreshSession(principals, ctx, newSession)
  } catch (error) {
    await endSession(ctx, newSession)
    throw await asAnswer(ctx, error)
  }
}

type NewSession = NonNullable<GenericEndpointContext['context']['newSession']>

/**
 * A sign-in by mail proves the mailbox, even if Better Auth did not record it: after a server died while it removed the
 * earlier ways in, Better Auth 1.7.25 signs in without completing the removal. So does one through a provider that
 * the route of another plugin has just linked by the address; of Better Auth's own, the proof was recorded before.
 *
 * @returns true if this was the first proof
 */
async function proveByMailbox(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  { session, user: { id } }: NewSession,
): Promise<boolean> {
  const isLinked = isLinkedByAddress(ctx)
  if (requestContextOf(ctx).signedIn !== session.token || !(isMailboxSignIn(ctx) || isLinked)) return false
  const user = await principals.findUser('id', id)
  if (!user || isMailboxProven(user) || (user.emailVerified && (isLinked || !isContested(user)))) return false
  const prover = await proverOfRequest(principals, ctx, user)
  if (isContested(user) && prover !== proverByKey(user)) {
    // No device is at stake: the account stays as Better Auth leaves it, and this session links nothing to it.
    if (!hasBinding(user) && !(await provenDevice(ctx))) return false
    await endEarlierAccess(principals, ctx, session)
  }
  await proveMailbox(principals, user, prover)
  return true
}

/**
 * The mailbox's owner has signed in, and the person who verified the address earlier may be another one: removes their
 * passwords, providers, passkeys, wallets and sessions, as where the address is still unverified.
 */
async function endEarlierAccess(
  principals: PrincipalStore,
  { context }: GenericEndpointContext,
  session: NewSession['session'],
): Promise<void> {
  // Not one by one: Better Auth lists only the first hundred.
  await context.internalAdapter.deleteAccounts(session.userId)
  await deleteKeys(principals, context, session.userId)
  await endSessions(context, session.userId, (live) => live.filter(({ token }) => token !== session.token))
}

/** @returns true if the account's subject has changed: it took the device's principal, or its binding was confirmed */
async function bindSession(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  { session, user: { id } }: NewSession,
  cache: StatusCache,
): Promise<boolean> {
  const { signedIn, createdUser } = requestContextOf(ctx)
  if (signedIn !== session.token || createdUser) return false
  const device = await provenDevice(ctx)
  if (!device && !ctx.headers?.has(EXPECT_HEADER)) return false
  const user = await principals.findUser('id', id)
  if (!user) return false
  const meets = meetsExpectation(ctx, user)
  if (meets === 'mismatch') throw refusal('PROOF_IDENTIFIER_MISMATCH')
  if (!device || meets === 'unsaid') return false
  await touchKey(principals, device.thumbprint)
  const { principalMailboxBy: prover } = user
  const isUnconfirmed = prover != null && prover !== proverByKey(user)
  if (isUnconfirmed && isMailboxSignIn(ctx) && (await isOwnKey(principals, user, device))) {
    cache.clear()
    await confirmByKey(principals, user)
    return true
  }
  if (!isOpen(user) || (await waysBeforeBinding(principals, ctx, user, session)).length > 0) return false
  cache.clear()
  if (!(await claimUnlessTaken(principals, user, device))) return false
  // The provider that this request added has proven the mailbox, and the key has signed the same request.
  const bound = prover === (await proverOfRequest(principals, ctx, user)) ? await principals.findUser('id', id) : null
  if (bound) await confirmByKey(principals, bound)
  return true
}

async function claimUnlessTaken(principals: PrincipalStore, user: BoundUser, device: ProvenDevice): Promise<boolean> {
  try {
    return await claim(principals, user, device)
  } catch (error) {
    // The account is unchanged, and the client sees the difference.
    if (isLatchkeyError(error, 'PRINCIPAL_TAKEN') || isLatchkeyError(error, 'PROOF_KEY_REVOKED')) return false
    throw error
  }
}

/** Caches of the session would otherwise show the account as it was. */
export async function refreshSession(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  { session, user }: NewSession,
): Promise<void> {
  const present = await principals.findUser('id', user.id)
  if (!present) return
  const refreshed = { session, user: { ...user, ...present } } as NewSession
  await ctx.context.internalAdapter.refreshUserSessions(refreshed.user)
  // Not `setSessionCookie`: a session that ends with the browser would outlive it.
  await setCookieCache(ctx, refreshed, isForgotten(ctx))
  ctx.context.setNewSession(refreshed)
}

/** Returns true if the user chose not to be remembered, in this request or an earlier one. */
function isForgotten(ctx: GenericEndpointContext): boolean {
  const { name } = ctx.context.authCookies.dontRememberToken
  const { responseHeaders } = ctx.context as { responseHeaders?: Headers }
  const set = responseHeaders?.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`))
  return set === undefined ? Boolean(ctx.getCookie(name)) : !/max-age=0/i.test(set)
}

/** The browser keeps the session that it had before, as after any other sign-in that is refused. */
async function endSession(ctx: GenericEndpointContext, { session }: NewSession): Promise<void> {
  await ctx.context.internalAdapter.deleteSession(session.token)
  deleteSessionCookie(ctx)
  // If this read fails, too, the request still answers with its first error.
  const before = await storedSession(ctx).catch(() => null)
  if (before) await setSessionCookie(ctx, before)
  ctx.context.setNewSession(null)
}

/** A browser that comes back from a provider is redirected to the app's error page. */
async function asAnswer(ctx: GenericEndpointContext, error: unknown): Promise<unknown> {
  const errorURL = ctx.path === '/callback/:id' ? (await getOAuthState())?.errorURL : undefined
  if (typeof errorURL !== 'string') return error
  const url = new URL(errorURL, ctx.context.baseURL)
  url.searchParams.set('error', isAPIError(error) ? String((error as APIError).body?.code) : 'internal_server_error')
  return ctx.redirect(url.href)
}

/** Returns true if the second factor is still missing. */
async function isHalfSignedIn(ctx: GenericEndpointContext): Promise<boolean> {
  const plugin = ctx.context.getPlugin('two-factor') as {
    shouldRequireTwoFactor?: (ctx: GenericEndpointContext) => Promise<boolean>
  } | null
  return (await plugin?.shouldRequireTwoFactor?.(ctx)) === true
}
