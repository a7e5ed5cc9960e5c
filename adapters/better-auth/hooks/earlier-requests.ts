import type { GenericEndpointContext } from 'better-auth'
import { audit, lastAct } from '../binding/audit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { isMoved, noteCredential } from '../binding/verified-email.ts'
import type { SessionRow } from '../binding/sessions.ts'
import type { BoundUser } from '../schema.ts'
import { findAsker, mayStillHave, noteAsker } from './asker.ts'
import { askingSession } from './asking-session.ts'
import { isFresh } from './fresh-session.ts'
import { findRegistration, findUserToken, readMailedToken } from './mailed-token.ts'
import { refusal } from './proofs.ts'

/** The route on which a session requests a change of address. */
export const ADDRESS_REQUEST = '/change-email'

/** The route that completes a change of address, for which no session is needed. */
export const ADDRESS_CHANGE = '/verify-email'

/** Notes which session requests a change of address: the mailed link names only the user. */
export async function noteAddressRequest(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const newEmail: unknown = ctx.body?.newEmail
  if (typeof newEmail === 'string') await noteAsker(principals, ctx, ['address', newEmail.toLowerCase()])
}

/**
 * Refuses a change of address whose session has ended since, or that was requested before the account's mailbox was
 * proven, before it was bound, or before anything was linked to it: the party that requested it may not own the account
 * now. The link is opened in a mail program, without a session; a session of the account is no reason either, because
 * anyone may have sent its user the link.
 *
 * @throws {APIError} `REQUEST_SUPERSEDED`; the refusal is in the audit
 */
export async function beforeAddressChange(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const { email, userId, updateTo, iat } = await readMailedToken(ctx)
  if (typeof email !== 'string' || typeof updateTo !== 'string') return
  // The token has the address in lower case, in which an imported user may not be found.
  const id = userId == null ? (await ctx.context.internalAdapter.findUserByEmail(email))?.user.id : String(userId)
  const user = id === undefined ? null : await principals.findUser('id', id)
  if (!user) return
  const asker = await findAsker(ctx.context, user, ['address', updateTo])
  const asking = await askingSessionOf(ctx, user)
  // It could request the same change again.
  if (asking && asking.id === asker?.session && isFresh(ctx.context.sessionConfig, asking)) return
  try {
    const isValid = await mayStillHave(principals, ctx.context, user, asker)
    // In seconds: a request of the same second may be the earlier one.
    await refuseEarlier(principals, user, (iat ?? 0) * 1000, isValid ? await handedOverAt(principals, user) : Infinity)
  } catch (error) {
    throw asPage(ctx, error)
  }
}

/** Routes whose mailed token names only a user and no address, and the start of the token's name at Better Auth. */
const USER_TOKENS: Readonly<Record<string, string>> = {
  '/reset-password': 'reset-password:',
  '/delete-user': 'delete-account-',
  '/delete-user/callback': 'delete-account-',
}

/**
 * How much later than a change of address a token may have been stored that was mailed to the old one: its request was
 * running meanwhile, perhaps on a server whose clock is fast.
 */
const OVERLAP_MS = 10_000

/** The route that registers a passkey. If the app requires no session there, a challenge alone names the user. */
const REGISTRATION = '/passkey/verify-registration'

/** Returns true for a request that may carry such a token or challenge. */
export function usesUserToken({ path }: { readonly path?: string | undefined }): boolean {
  return path !== undefined && (path === REGISTRATION || Object.hasOwn(USER_TOKENS, path))
}

/**
 * Refuses a mailed token that was requested before the account's address was changed, or its mailbox was proven: it was
 * mailed to another address, whose owner may not own the account now. Anyone can request a new one at the present
 * address. The same holds for a passkey whose registration began before, or in a session that has ended since.
 *
 * @throws {APIError} `REQUEST_SUPERSEDED`; the refusal is in the audit
 */
export async function refuseEarlierToken(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const found = await (ctx.path === REGISTRATION ? findRegistration(ctx) : findUserToken(ctx, USER_TOKENS[ctx.path]!))
  // A sign-up with a passkey may name a user who does not exist yet. A failed read does not say so.
  const user = found && (await principals.findUser('id', found.value))
  if (!found || !user) return
  try {
    const requestedAt = new Date(found.createdAt).getTime()
    const overlap = isMoved(user) ? OVERLAP_MS : 0
    const provenAt = new Date(user.principalMailboxAt ?? 0).getTime() + overlap
    const isLeft = found.needsSession === true && !(await askingSessionOf(ctx, user))
    await refuseEarlier(principals, user, requestedAt, isLeft ? Infinity : provenAt)
  } catch (error) {
    throw asPage(ctx, error)
  }
  const asking = ctx.path === REGISTRATION ? await askingSessionOf(ctx, user) : undefined
  // Without a session, the route refuses it unless the app requires none.
  if (asking || found.isOpen) await noteCredential(principals, user, asking)
}

async function askingSessionOf(ctx: GenericEndpointContext, { id }: BoundUser): Promise<SessionRow | undefined> {
  const found = await askingSession(ctx)
  return found?.user.id === id ? (found.session as unknown as SessionRow) : undefined
}

/** The link was opened as a page: the app shows the error, as it shows those of Better Auth. */
function asPage(ctx: GenericEndpointContext, error: unknown): unknown {
  const callbackURL: unknown = ctx.query?.['callbackURL']
  if (typeof callbackURL !== 'string' || !ctx.context.isTrustedOrigin(callbackURL, { allowRelativePaths: true }))
    return error
  const url = new URL(callbackURL, ctx.context.baseURL)
  url.searchParams.set('error', 'REQUEST_SUPERSEDED')
  return ctx.redirect(url.href)
}

async function refuseEarlier(
  principals: PrincipalStore,
  user: BoundUser,
  requestedAt: number,
  handedOver: number,
): Promise<void> {
  if (requestedAt > handedOver) return
  const principal = user.principal ?? user.id
  await audit(principals, 'refuse', { principal, epoch: String(requestedAt), userId: user.id })
  throw refusal('REQUEST_SUPERSEDED')
}

/** The last time at which the account may have become another person's, in milliseconds since 1970; 0 for never. */
async function handedOverAt(principals: PrincipalStore, { id, principalMailboxAt }: BoundUser): Promise<number> {
  const bound = await lastAct(principals, 'bind', { userId: id })
  const linked = await lastAct(principals, 'link', { userId: id })
  return Math.max(new Date(principalMailboxAt ?? 0).getTime(), bound?.at ?? 0, linked?.at ?? 0)
}
