import type { GenericEndpointContext } from 'better-auth'
import { getAuthoritativeSessionFromCtx } from 'better-auth/api'
import { type AskingSession, CREDENTIAL } from '../binding/session-origin.ts'
import { provenDevice } from './request-context.ts'

/** Ways in by something that the account's maker chose, not by the mailbox. */
const CREDENTIAL_ROUTES =
  /^\/(sign-(in|up)\/(email|username)|passkey\/verify-authentication|siwe\/verify|two-factor\/verify-[a-z-]+)$/

/** Ways in by a mail that also sign in. */
const MAILBOX_SIGN_INS: readonly (string | undefined)[] = ['/magic-link/verify', '/sign-in/email-otp']

/** Ways to prove a mailbox that need no session and change no credential. */
const VERIFICATIONS: readonly (string | undefined)[] = ['/verify-email', '/email-otp/verify-email']

/** The value of `principalVia` for a session that this request makes. */
export async function originOf(ctx: GenericEndpointContext | null): Promise<string | null> {
  const device = await provenDevice(ctx)
  return device?.principal ?? (CREDENTIAL_ROUTES.test(ctx?.path ?? '') ? CREDENTIAL : null)
}

/** The request signed in by the mailbox itself. */
export function isMailboxSignIn({ path }: GenericEndpointContext): boolean {
  return MAILBOX_SIGN_INS.includes(path)
}

/** The request only verifies a mailbox, as an opened link or a typed code does. */
export function isVerification(ctx: GenericEndpointContext | null): ctx is GenericEndpointContext {
  return VERIFICATIONS.includes(ctx?.path)
}

/** The principal whose key made the live session that the request carries, if the session's account is bound to it. */
export async function principalOfSession(ctx: GenericEndpointContext): Promise<string | null> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  const { principalVia } = (found?.session ?? {}) as Partial<AskingSession>
  return principalVia != null && principalVia === found?.user['principal'] ? principalVia : null
}
