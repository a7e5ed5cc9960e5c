import type { GenericEndpointContext } from 'better-auth'
import {
  type AskingSession,
  DELEGATED,
  begunBy,
  isBegun,
  keyThatMade,
  sessionOrigin,
} from '../binding/session-origin.ts'
import { storedSession } from './asking-session.ts'
import { readMailedToken } from './mailed-token.ts'
import { isBegunElsewhere, signingDevice } from './request-context.ts'

/** Sign-ins with a credential that the account's creator chose, not by the mailbox. */
const CREDENTIAL_ROUTES = [
  /^\/sign-(in|up)\/(email|username)$/,
  /^\/sign-in\/phone-number$/,
  /^\/passkey\/verify-(authentication|registration)$/,
  /^\/siwe\/verify$/,
  /^\/two-factor\/verify-[a-z-]+$/,
]

/**
 * Routes that find out who the user is. What they create replaces no session, even if a hook of the app or of a plugin
 * has read the one that the browser had. A session that any other route creates for the same user replaces it.
 */
const SIGN_INS = [
  /^\/sign-(in|up)\//,
  /^\/(oauth2\/)?callback\//,
  /^\/sso\//,
  /^\/(one-tap\/|oauth-proxy-)callback$/,
  /^\/(siwe|magic-link|phone-number)\/verify$/,
  /^\/passkey\/verify-authentication$/,
  /^\/(email-otp\/)?verify-email$/,
]

/** The route on which a device that another one approved gets its session. */
export const PAIRING = '/latchkey/pair/redeem'

/** Sign-ins by mail. */
const MAILBOX_SIGN_INS: readonly (string | undefined)[] = ['/magic-link/verify', '/sign-in/email-otp']

/** Routes that verify a mailbox without a session and without changing a credential. */
const VERIFICATIONS: readonly (string | undefined)[] = ['/verify-email', '/email-otp/verify-email']

/**
 * Returns the value of `principalVia` for a session that this request creates. A session that replaces another one of
 * its user, as after a change of the password, has the origin of the other one.
 */
export async function originOf(userId: string, ctx: GenericEndpointContext | null): Promise<string | null> {
  if (isApproved(ctx)) return DELEGATED
  const replaced = replacedSession(userId, ctx)
  if (replaced) return replaced.principalVia ?? null
  const device = await signingDevice(ctx)
  if (device && isBegunElsewhere(ctx)) return begunBy(device.principal)
  return sessionOrigin(device?.principal ?? null, isCredentialSignIn(ctx))
}

/** Returns true if the request signs in with a credential that the account's creator chose. */
export function isCredentialSignIn(ctx: GenericEndpointContext | null): boolean {
  return CREDENTIAL_ROUTES.some((route) => route.test(ctx?.path ?? ''))
}

/** Returns the session of its user that a new session replaces, as after a change of the password; null if none. */
export function replacedSession(userId: string, ctx: GenericEndpointContext | null): AskingSession | null {
  const replaced = isSignIn(ctx) || isApproved(ctx) ? null : ctx?.context.session
  return replaced?.user.id === userId ? (replaced.session as AskingSession) : null
}

/** Returns true if the request signs a user in, whatever session the browser had before. */
export function isSignIn(ctx: GenericEndpointContext | null): boolean {
  return SIGN_INS.some((route) => route.test(ctx?.path ?? ''))
}

/** Returns true if another session approves, or has approved, the session of the request's device. */
export function isApproved(ctx: GenericEndpointContext | null): boolean {
  return ctx?.path?.startsWith('/device/') === true || ctx?.path === PAIRING
}

/** Returns true if the request signed in by the mailbox itself. */
export function isMailboxSignIn({ path }: GenericEndpointContext): boolean {
  return MAILBOX_SIGN_INS.includes(path)
}

/** Returns true if the request only verifies a mailbox, by an opened link or a typed code. */
export function isVerification(ctx: GenericEndpointContext | null): ctx is GenericEndpointContext {
  return VERIFICATIONS.includes(ctx?.path)
}

/** Returns the address that a request verifies, of its mailed token or beside its code. The route checks both. */
export async function verifiedAddressOf(ctx: GenericEndpointContext): Promise<string | undefined> {
  const { email } = ctx.body ?? (await readMailedToken(ctx))
  return typeof email === 'string' ? email : undefined
}

/**
 * Returns the principal whose key created the valid session of the request, if the session's account is bound to it.
 */
export async function principalOfSession(ctx: GenericEndpointContext): Promise<string | null> {
  const found = await storedSession(ctx)
  const session = (found?.session ?? {}) as Partial<AskingSession> as AskingSession
  const principal = isBegun(session) ? null : keyThatMade(session)
  return principal !== null && principal === found?.user['principal'] ? principal : null
}
