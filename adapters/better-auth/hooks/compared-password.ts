import type { GenericEndpointContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { passwordOf } from './credentials.ts'
import { findHalfSignIn } from './mailed-token.ts'
import { requestContextOf } from './request-context.ts'

/** Routes that create a session once a password was compared, and where the request has the one that is valid then. */
const PASSWORDS: Readonly<Record<string, string>> = {
  '/sign-in/email': 'password',
  '/sign-in/username': 'password',
  '/sign-in/phone-number': 'password',
  '/change-password': 'newPassword',
  '/two-factor/enable': 'password',
  '/two-factor/disable': 'password',
}

/** Routes that complete a sign-in by a second factor, once the password was compared. */
const SECOND_FACTOR = /^\/two-factor\/verify-/

/** Longer than a comparison takes, and than the clocks of two servers differ. */
const RECENTLY_MS = 5 * 60_000

/** Returns true for a request that may get a session for a password. */
export function comparesPassword({ path }: { readonly path?: string | undefined }): boolean {
  return path !== undefined && Object.hasOwn(PASSWORDS, path)
}

/** Returns true for a request that enters a password, or completes a sign-in by one. */
export function usesPassword({ path }: { readonly path?: string | undefined }): boolean {
  return comparesPassword({ path }) || SECOND_FACTOR.test(path ?? '')
}

/** Records when the password of a sign-in was entered, by the system's clock, with which Better Auth writes times. */
export async function notePasswordTime(ctx: GenericEndpointContext): Promise<void> {
  const createdAt = SECOND_FACTOR.test(ctx.path) ? (await findHalfSignIn(ctx))?.createdAt : new Date()
  if (createdAt) requestContextOf(ctx).passwordAt = new Date(createdAt)
}

/**
 * Refuses a session if its password was removed or replaced while Better Auth compared it, which takes long on purpose:
 * the mailbox's owner may have ended all sessions meanwhile. Called when the session is stored, so that whoever removes
 * the password later finds the session. A second factor completes only a sign-in whose password is still the same.
 *
 * @throws {APIError} `INVALID_EMAIL_OR_PASSWORD`
 */
export async function requirePassword(ctx: GenericEndpointContext, userId: string): Promise<void> {
  if (SECOND_FACTOR.test(ctx.path)) return requireUnchanged(ctx, userId)
  const password: unknown = comparesPassword(ctx) ? ctx.body?.[PASSWORDS[ctx.path]!] : undefined
  // A second factor may need none.
  if (typeof password !== 'string' || password === '') return
  const { adapter, password: passwords } = ctx.context
  const account = await passwordOf(adapter, userId)
  if (account && Date.now() - new Date(account.updatedAt).getTime() > RECENTLY_MS) return
  if (account?.password && (await passwords.verify({ hash: account.password, password }))) return
  throw invalid()
}

async function requireUnchanged(ctx: GenericEndpointContext, userId: string): Promise<void> {
  const { passwordAt } = requestContextOf(ctx)
  const account = await passwordOf(ctx.context.adapter, userId)
  if (!account || !passwordAt || new Date(account.updatedAt) >= passwordAt) throw invalid()
}

function invalid(): APIError {
  return new APIError('UNAUTHORIZED', { code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' })
}
