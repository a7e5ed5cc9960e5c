import { isImpersonated } from '../binding/session-origin.ts'
import { refusal } from './proofs.ts'

/** Returns true for a user of Better Auth's anonymous plugin, and for an impersonated session. */
export function isNotTheirs(session: object, user: object): boolean {
  return (user as { readonly isAnonymous?: unknown }).isAnonymous === true || isImpersonated(session)
}

/**
 * Makes sure that the account's own user asks.
 *
 * @throws {APIError} `KEY_FORBIDDEN`: an impersonating admin, or a user of the anonymous plugin
 */
export function requireOwnKeys({ session, user }: { readonly session: object; readonly user: object }): void {
  if (isNotTheirs(session, user)) throw refusal('KEY_FORBIDDEN')
}
