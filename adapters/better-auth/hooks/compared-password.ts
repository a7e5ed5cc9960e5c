import type { GenericEndpointContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { proverByReset } from '../binding/verified-email.ts'
import { askingSession } from './asking-session.ts'
import { type PasswordAccount, passwordOf } from './credentials.ts'
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

/** Returns true for a request that completes a sign-in by a second factor. */
export function usesSecondFactor({ path = '' }: { readonly path?: string | undefined }): boolean {
  return SECOND_FACTOR.test(path)
}

/** The start of the name under which the password of a sign-in is stored that a second factor completes. */
const COMPARED = 'latchkey-compared-'

/** A row of Better Auth's table `verification`. */
interface VerificationRow {
  readonly identifier: string
  readonly value: string
  readonly expiresAt: Date
}

/**
 * Called when Better Auth stores that a sign-in needs a second factor: stores for which password. Nothing, and the
 * second factor is refused, if the password was replaced while Better Auth compared it. No time is compared: the clocks
 * of servers differ, and an app may hash a password anew when it is entered.
 */
export async function noteHalfSignIn(
  ctx: GenericEndpointContext,
  { identifier, value: userId, expiresAt }: VerificationRow,
): Promise<void> {
  const { context } = ctx
  if (userId !== requestContextOf(ctx).signedInUser || context.newSession) return
  const account = await passwordOf(context.adapter, userId)
  if (comparesPassword(ctx) && !(await isValid(ctx, account))) return
  const value = await textOf(account)
  await context.internalAdapter.createVerificationValue({ identifier: COMPARED + identifier, value, expiresAt })
}

/**
 * Refuses a second factor if the password of its sign-in was removed or replaced since.
 *
 * @throws {APIError} `INVALID_EMAIL_OR_PASSWORD`
 */
export async function beforeSecondFactor(ctx: GenericEndpointContext): Promise<void> {
  const half = await findHalfSignIn(ctx)
  if (!half) return
  const found = await ctx.context.internalAdapter.findVerificationValue(COMPARED + half.identifier)
  if (found) requestContextOf(ctx).compared = found.value
  // A user who is signed in completes no sign-in.
  if (!(await askingSession(ctx))) await requireUnchanged(ctx, half.value)
}

/**
 * Refuses a session if its password was removed or replaced while Better Auth compared it, which takes long on purpose:
 * the mailbox's owner may have ended all sessions meanwhile. Called when the session is stored, so that whoever removes
 * the password later finds the session. A second factor completes only a sign-in whose password is still the same.
 *
 * @throws {APIError} `INVALID_EMAIL_OR_PASSWORD`
 */
export async function requirePassword(ctx: GenericEndpointContext, userId: string): Promise<void> {
  if (usesSecondFactor(ctx)) return requireUnchanged(ctx, userId)
  // A second factor may need none.
  if (passwordIn(ctx) && !(await isValid(ctx, await passwordOf(ctx.context.adapter, userId)))) throw invalid()
}

/** Returns the password of a request; empty without one. */
function passwordIn(ctx: GenericEndpointContext): string {
  const password: unknown = comparesPassword(ctx) ? ctx.body?.[PASSWORDS[ctx.path]!] : undefined
  return typeof password === 'string' ? password : ''
}

/** Returns true if the password of a request, which Better Auth compared before, is still the user's. */
async function isValid(ctx: GenericEndpointContext, account: PasswordAccount | null): Promise<boolean> {
  if (account && Date.now() - new Date(account.updatedAt).getTime() > RECENTLY_MS) return true
  const { password: passwords } = ctx.context
  return Boolean(account?.password && (await passwords.verify({ hash: account.password, password: passwordIn(ctx) })))
}

async function requireUnchanged(ctx: GenericEndpointContext, userId: string): Promise<void> {
  const { compared } = requestContextOf(ctx)
  if (compared !== (await textOf(await passwordOf(ctx.context.adapter, userId)))) throw invalid()
}

/** Returns a text that is different for each password, and for a user without one. */
function textOf(account: PasswordAccount | null): Promise<string> {
  return proverByReset(account?.password ?? '')
}

function invalid(): APIError {
  return new APIError('UNAUTHORIZED', { code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' })
}
