import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { deleteGrantsOf } from '../binding/grant-store.ts'
import { isPaired } from '../binding/session-origin.ts'
import { askingSession, uncachedSession, withBearer } from './asking-session.ts'
import { isRecent } from './fresh-session.ts'
import { refusal } from './proofs.ts'

/** Routes that end other sessions, revoke keys, remove a way in or delete the account. */
const ENDS = [
  '/revoke-session',
  '/revoke-sessions',
  '/revoke-other-sessions',
  '/delete-user',
  '/unlink-account',
  '/passkey/delete-passkey',
  '/latchkey/keys/revoke',
  '/latchkey/unlink',
  '/api-key/delete',
  // May disable a key.
  '/api-key/update',
]

/** Routes that let a device in. The list of sessions has their tokens, each of which is a session with `bearer`. */
const LETS_IN = ['/device/approve', '/list-sessions']

/** Routes that give the account another way in, with which the device could then sign in itself. */
const ADDS_WAY_IN = [
  '/passkey/generate-register-options',
  '/passkey/verify-registration',
  '/link-social',
  '/change-email',
  '/email-otp/request-email-change',
  '/email-otp/change-email',
  // An account without a password is asked for none, and the first two give the device a new session.
  '/two-factor/enable',
  '/two-factor/disable',
  '/two-factor/get-totp-uri',
  '/two-factor/generate-backup-codes',
  // A key of the plugin `api-key` outlasts the session, and can be a session of its own (`enableSessionForAPIKeys`).
  '/api-key/create',
  // With `offline_access`, the tokens of an OAuth client outlast the session, too.
  '/oauth2/consent',
  '/oauth2/update-consent',
]

/** Routes that do all of this, for any user. */
const ADMINISTERS = /^\/admin\/(?!(get-user|list-users|has-permission|stop-impersonating)$)/

/** The start of a new passkey, with which an old session could become a recent one. Its end needs this start. */
export const STARTS_PASSKEY = '/passkey/generate-register-options'

interface Asked {
  readonly path?: string | undefined
  readonly body?: unknown
  readonly context: Pick<AuthContext, 'getPlugin'>
}

/** Returns true for a request that only a session of the device's own sign-in may make. */
export function needsOwnSignIn({ path = '', body, context }: Asked): boolean {
  const { phoneNumber, updatePhoneNumber, username } = (body ?? {}) as Partial<
    Record<'phoneNumber' | 'updatePhoneNumber' | 'username', unknown>
  >
  return (
    [...ENDS, ...LETS_IN, ...ADDS_WAY_IN].includes(path) ||
    ADMINISTERS.test(path) ||
    (path === '/phone-number/verify' && updatePhoneNumber === true) ||
    // The only change that `/update-user` makes to a number.
    (path === '/update-user' && phoneNumber === null) ||
    // Without the plugin, no user signs in by a column of this name.
    (path === '/update-user' && username !== undefined && context.getPlugin('username') !== null)
  )
}

/**
 * Makes sure that the user signed in on this device: a device that another one approved must neither lock out
 * that one nor get its own way into the account. For a passkey, the sign-in must be recent.
 *
 * @throws {APIError} `SESSION_PAIRED`, `SESSION_NOT_FRESH`; `UNAUTHORIZED`: the session has ended
 */
export async function requireOwnSignIn(ctx: GenericEndpointContext): Promise<void> {
  // Which of them the endpoint goes by depends on the other plugins: one finds a session by an API key.
  const bearer = await withBearer(ctx)
  const found = [ctx.context.session, await uncachedSession(ctx), bearer && (await uncachedSession(bearer))]
  if (found.some((each) => each && isPaired(each.session))) throw refusal('SESSION_PAIRED')
  const isTooOld = found.some((each) => each && !isRecent(each.session))
  if (ctx.path === STARTS_PASSKEY && isTooOld) throw refusal('SESSION_NOT_FRESH')
}

/** Better Auth's route that ends every session but the one that asks. */
export const ENDS_OTHERS = '/revoke-other-sessions'

/** Withdraws the grants of the user who asks: the session that asks may have given one, and stays. */
export async function withdrawGrants(ctx: GenericEndpointContext): Promise<void> {
  const found = await askingSession(ctx)
  if (found) await deleteGrantsOf(ctx.context.adapter, found.user.id)
}
