import type { GenericEndpointContext } from 'better-auth'
import { getAuthoritativeSessionFromCtx } from 'better-auth/api'
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
 * Makes sure that the user signed in on this device: a device that another one approved must not lock that one out.
 *
 * @throws {APIError} `SESSION_PAIRED`
 */
export async function requireOwnSignIn(ctx: GenericEndpointContext): Promise<void> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  if (found && isPaired(found.session)) throw refusal('SESSION_PAIRED')
}
