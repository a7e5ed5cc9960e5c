import { refusal } from './proofs.ts'

/** Returns true if an admin of Better Auth's admin plugin acts as the session's user. */
export function isImpersonated(session: object | null | undefined): boolean {
  return Boolean((session as { readonly impersonatedBy?: unknown } | null | undefined)?.impersonatedBy)
}

/**
 * Makes sure that the account's own user asks.
 *
 * @throws {APIError} `KEY_FORBIDDEN`: an impersonating admin, or a user of the anonymous plugin
 */
export function requireOwnKeys({ session, user }: { readonly session: object; readonly user: object }): void {
  if (isImpersonated(session) || (user as { isAnonymous?: unknown }).isAnonymous === true)
    throw refusal('KEY_FORBIDDEN')
}
