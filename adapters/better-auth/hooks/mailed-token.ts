import type { GenericEndpointContext } from 'better-auth'
import { jwtVerify } from 'jose'
import { isPlainText } from '../../../lib/server-kit.ts'
import { STARTS_PASSKEY } from './paired-session.ts'
import { requestContextOf } from './request-context.ts'

/** What a mailed token of Better Auth says. */
export interface MailedToken {
  readonly email?: unknown
  /** Of the user, if the token names one. */
  readonly userId?: unknown
  /** The new address, if the token completes a change of address. */
  readonly updateTo?: unknown
  /** When it was requested, in seconds since 1970. */
  readonly iat?: number
}

/** What Better Auth stores of a mailed token that names only a user. */
export interface UserToken {
  /** The user's id. */
  readonly value: string
  readonly createdAt: Date
  /** True for a passkey whose registration began in a session, if the route that completes it requires none. */
  readonly needsSession?: boolean
  /** True for a passkey if that route requires no session. */
  readonly isOpen?: boolean
}

/**
 * Returns what is stored of such a token in a request; null without one.
 *
 * @param start - of the token's name at Better Auth
 */
export async function findUserToken(
  { body, query, context }: GenericEndpointContext,
  start: string,
): Promise<UserToken | null> {
  const token: unknown = body?.token || query?.['token']
  if (typeof token !== 'string' || !isPlainText(token)) return null
  return context.internalAdapter.findVerificationValue(`${start}${token}`)
}

/** The name of the cookie of Better Auth's passkey plugin, behind Better Auth's prefix. */
const CHALLENGE_COOKIE = 'better-auth-passkey'

/** Returns what is stored of the passkey registration that a request completes, in the same form; null without one. */
export async function findRegistration(ctx: GenericEndpointContext): Promise<UserToken | null> {
  const { context } = ctx
  const { options } = (context.getPlugin('passkey') ?? {}) as PasskeyPlugin
  const { name } = context.createAuthCookie(options?.advanced?.webAuthnChallengeCookie ?? CHALLENGE_COOKIE)
  const token = await ctx.getSignedCookie(name, context.secret)
  const found = token ? await context.internalAdapter.findVerificationValue(token) : null
  const { userData, hadSession } = parseObject(found?.value) as Registration
  if (!found || !userData?.id) return null
  const isOpen = options?.registration?.requireSession === false
  return { value: String(userData.id), createdAt: found.createdAt, needsSession: isOpen && hadSession === true, isOpen }
}

/**
 * Returns what Better Auth is to store of the passkey registration that a request begins: also whether a session began
 * it. Nothing for another request.
 */
export function withSession(value: string, ctx: GenericEndpointContext | null): { readonly value?: string } {
  if (ctx?.path !== STARTS_PASSKEY || !ctx.context.session) return {}
  return { value: JSON.stringify({ ...parseObject(value), hadSession: true }) }
}

interface Registration {
  readonly userData?: { readonly id?: unknown }
  readonly hadSession?: boolean
}

interface PasskeyPlugin {
  readonly options?: {
    readonly advanced?: { readonly webAuthnChallengeCookie?: string }
    readonly registration?: { readonly requireSession?: boolean }
  }
}

function parseObject(text: string | undefined): object {
  try {
    return Object(JSON.parse(text ?? '{}'))
  } catch {
    return {}
  }
}

/**
 * Called when a row of Better Auth's table `verification` is deleted, as that of a magic link which is used: notes the
 * address of the link. Better Auth may delete rows of other links in the same request, but only if they have expired.
 */
export function noteMagicLink({ value, expiresAt }: MailedRow, ctx: GenericEndpointContext | null): void {
  // By the system's clock, with which Better Auth deletes such rows.
  if (ctx?.path !== '/magic-link/verify' || new Date(expiresAt).getTime() <= Date.now()) return
  const { email } = parseObject(value) as MailedToken
  if (typeof email === 'string') requestContextOf(ctx).mailedTo = email
}

interface MailedRow {
  readonly value: string
  readonly expiresAt: Date
}

/** The name of the cookie of Better Auth's two-factor plugin, behind Better Auth's prefix. */
const CHALLENGE_OF_SECOND_FACTOR = 'two_factor'

/** Returns what is stored of the sign-in that a second factor completes, in the same form; null without one. */
export async function findHalfSignIn(
  ctx: GenericEndpointContext,
): Promise<(UserToken & { readonly identifier: string }) | null> {
  const { context } = ctx
  const token = await ctx.getSignedCookie(context.createAuthCookie(CHALLENGE_OF_SECOND_FACTOR).name, context.secret)
  return token ? context.internalAdapter.findVerificationValue(token) : null
}

/** Reads the mailed token of a request. Without a valid signature of Better Auth, the result is empty. */
export async function readMailedToken({ query, context }: GenericEndpointContext): Promise<MailedToken> {
  const secret = new TextEncoder().encode(context.secret)
  try {
    return (await jwtVerify<MailedToken>(String(query?.['token']), secret, { algorithms: ['HS256'] })).payload
  } catch {
    return {}
  }
}
