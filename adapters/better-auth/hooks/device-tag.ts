import type { GenericEndpointContext } from 'better-auth'
import { tagOf } from '../binding/session-id.ts'
import { isImpersonated } from '../binding/session-origin.ts'
import type { SessionRow } from '../binding/sessions.ts'
import { signingDevice } from './request-context.ts'
import { replacedSession } from './sign-in-origin.ts'

/** The columns of a new session that tell which installation it belongs to. */
type Installation = Partial<Pick<SessionRow, 'deviceTag' | 'deviceName' | 'pairedBy' | 'pairedByDevice'>>

/** The name of the cookie, behind Better Auth's prefix. */
const COOKIE = 'latchkey_device'

/** How long browsers keep a cookie at most, in seconds: 400 days. */
const MAX_AGE_S = 400 * 24 * 3600

/**
 * Returns the columns for a session that this request creates. The first sign-in with a proof gives the browser a
 * cookie, from which the tag of every later session there derives; it is removed at the sign-out.
 */
export async function installationOf(
  { userId, ...session }: { readonly userId: string },
  ctx: GenericEndpointContext | null,
): Promise<Installation> {
  // The browser of an admin who impersonates the user is no device of the user's.
  if (!ctx || isImpersonated(session)) return {}
  const replaced = replacedSession(userId, ctx) as Partial<SessionRow> | null
  if (replaced) {
    const { deviceTag = null, deviceName = null, pairedBy = null, pairedByDevice = null } = replaced
    return { deviceTag, deviceName, pairedBy, pairedByDevice }
  }
  // The user does not want the browser to be recognized.
  if (ctx.body?.rememberMe === false) return {}
  const { name, attributes } = ctx.context.createAuthCookie(COOKIE, { maxAge: MAX_AGE_S })
  const value = known(ctx.getCookie(name)) ?? ((await signingDevice(ctx)) && newValue())
  if (value === undefined) return {}
  ctx.setCookie(name, value, attributes)
  return { deviceTag: await tagOf(value, userId) }
}

/** Removes the cookie: the next user of the browser is another installation. */
export function forgetDevice(ctx: GenericEndpointContext): void {
  const { name, attributes } = ctx.context.createAuthCookie(COOKIE)
  if (ctx.getCookie(name) != null) ctx.setCookie(name, '', { ...attributes, maxAge: 0 })
}

function known(value: string | null): string | undefined {
  return value !== null && /^[\da-f-]{36}$/.test(value) ? value : undefined
}

function newValue(): string {
  return crypto.randomUUID()
}
