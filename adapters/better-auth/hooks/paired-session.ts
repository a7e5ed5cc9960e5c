import type { GenericEndpointContext } from 'better-auth'
import { getAuthoritativeSessionFromCtx } from 'better-auth/api'
import { deleteGrantsOf } from '../binding/grant-store.ts'
import { refusal } from './proofs.ts'
import { isPaired } from '../binding/session-origin.ts'

/** Routes that end other sessions, revoke keys or delete the account. */
export const NEEDS_OWN_SIGN_IN: readonly (string | undefined)[] = [
  '/revoke-session',
  '/revoke-sessions',
  '/revoke-other-sessions',
  '/delete-user',
  '/latchkey/keys/revoke',
]

/**
 * Makes sure that the user signed in on this device: whoever was let in by another one must not shut that one out.
 *
 * @throws {APIError} `SESSION_PAIRED`
 */
export async function requireOwnSignIn(ctx: GenericEndpointContext): Promise<void> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  if (found && isPaired(found.session)) throw refusal('SESSION_PAIRED')
}

/** Better Auth's route that ends every session but the one that asks. */
export const ENDS_OTHERS = '/revoke-other-sessions'

/** Withdraws the grants of the user who asks: the session that asks may have given one, and stays. */
export async function withdrawGrants(ctx: GenericEndpointContext): Promise<void> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  if (found) await deleteGrantsOf(ctx.context.adapter, found.user.id)
}
