import type { GenericEndpointContext } from 'better-auth'
import { APIError, isAPIError } from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import {
  NOBODY,
  confirmByKey,
  isOwnKey,
  isProofPending,
  noteCredential,
  proveMailbox,
  proverByKey,
  proverByReset,
} from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { noteTakeover } from './asker.ts'
import { passwordOf } from './credentials.ts'
import { findUserToken } from './mailed-token.ts'
import { provenDevice, requestContextOf } from './request-context.ts'

/**
 * Routes that hand an account over by its mailbox. The one by a link leaves no trace in the user, and the one by a code
 * none if the address was verified before.
 */
const BY_MAILBOX: readonly (string | undefined)[] = ['/reset-password', '/email-otp/reset-password']

/** Routes that set a password by a code sent to a phone number, or by an admin. */
const BY_OTHERS: readonly (string | undefined)[] = ['/phone-number/reset-password', '/admin/set-user-password']

/** Returns true for a route that sets a new password without the earlier one. */
export function resetsPassword({ path }: { readonly path?: string | undefined }): boolean {
  return BY_MAILBOX.includes(path) || BY_OTHERS.includes(path)
}

/** Records whose password the request resets: afterwards its token is used up. Changes nothing in the database. */
export async function beforePasswordReset(ctx: GenericEndpointContext): Promise<void> {
  const userId = await userOfReset(ctx)
  if (userId !== undefined) requestContextOf(ctx).resetUser = userId
}

async function userOfReset(ctx: GenericEndpointContext): Promise<string | undefined> {
  const { path, body, context } = ctx
  const text = (value: unknown): string | null => (typeof value === 'string' && isPlainText(value) ? value : null)
  if (path === '/admin/set-user-password') return text(String(body?.userId)) ?? undefined
  if (path === '/email-otp/reset-password') {
    const email = text(body?.email)
    return email ? (await context.internalAdapter.findUserByEmail(email.toLowerCase()))?.user.id : undefined
  }
  if (path === '/phone-number/reset-password') {
    const value = text(body?.phoneNumber)
    const where = [{ field: 'phoneNumber', value }]
    return value ? (await context.adapter.findOne<BoundUser>({ model: 'user', where }))?.id : undefined
  }
  return (await findUserToken(ctx, 'reset-password:'))?.value
}

/**
 * Applies the consequences of the reset together with the new password, once Better Auth has accepted it. The holder of
 * a mailed token or code owns the mailbox; where the address was verified before, there is nothing left to prove. A
 * password that was set in another way proves no mailbox, but is not the creator's choice either: while the mailbox is
 * only verified, it decides as a passkey does that another session adds.
 *
 * @returns true if the password replaces one that was known to be the creator's
 */
export async function applyPasswordReset(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  passwordHash: unknown,
): Promise<boolean> {
  const request = requestContextOf(ctx)
  const { resetUser } = request
  if (typeof passwordHash === 'string') request.resetHash = passwordHash
  const user = resetUser ? await principals.findUser('id', resetUser) : null
  const device = await provenDevice(ctx)
  const prover = device?.principal ?? NOBODY
  if (!user) return false
  if (BY_OTHERS.includes(ctx.path))
    return !(device && (await isOwnKey(principals, user, device))) && noteCredential(principals, user, undefined)
  if (!user.emailVerified || isProofPending(user)) await proveMailbox(principals, user, prover)
  return false
}

/**
 * Called when a user who entered the present password gets another one: where the mailbox's owner chose the present
 * one, the other is the owner's choice, too. It may have been reset while Better Auth compared it, so that it is
 * compared once more, also if the reset has not told yet whose choice it is.
 *
 * @throws {APIError} `INVALID_PASSWORD`
 */
export async function applyPasswordChange(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  passwordHash: string,
): Promise<void> {
  const { session, password: passwords } = ctx.context
  const user = session && (await principals.findUser('id', session.user.id))
  if (user?.principalMailboxBy == null) return
  const present = await passwordOf(principals.adapter, user.id)
  if (!present?.password) return
  if (!(await passwords.verify({ hash: present.password, password: ctx.body?.currentPassword })))
    throw new APIError('BAD_REQUEST', { code: 'INVALID_PASSWORD', message: 'Invalid password' })
  if (user.principalMailboxBy === (await proverByReset(present.password)))
    await principals.changeUser(user, { principalMailboxBy: await proverByReset(passwordHash) })
}

/** The new password is the choice of the mailbox's owner, unless the account's own key proved the mailbox. */
export async function afterPasswordReset(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const { returned } = ctx.context as typeof ctx.context & { readonly returned?: unknown }
  const { resetUser, resetHash } = requestContextOf(ctx)
  const isDone = BY_MAILBOX.includes(ctx.path) && !isAPIError(returned)
  const user = resetUser && isDone ? await principals.findUser('id', resetUser) : null
  if (!user || user.principalMailboxBy == null || user.principalMailboxBy === proverByKey(user)) return
  const device = await provenDevice(ctx)
  if (device && (await isOwnKey(principals, user, device))) await confirmByKey(principals, user)
  else if (resetHash) {
    await noteTakeover(ctx.context, user)
    await principals.changeUser(user, { principalMailboxBy: await proverByReset(resetHash) })
  }
}
