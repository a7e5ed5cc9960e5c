import type { BoundUser } from '../schema.ts'

/** The part of a session that tells its origin. */
export interface AskingSession {
  readonly id: string
  readonly principalVia?: string | null
}

/**
 * A credential created the session that existed before any mailbox was verified; a reset of the password resets the
 * binding.
 */
export const CREDENTIAL = 'credential'

/** Returns the principal whose key signed the request that made the session, or null. */
export function keyThatMade({ principalVia }: AskingSession): string | null {
  return principalVia == null || principalVia === CREDENTIAL ? null : principalVia
}

/** Returns true if the key that the account is bound to, or a credential of its maker, made the session. */
export function isMakers({ principalVia }: AskingSession, { principal }: BoundUser): boolean {
  return principalVia != null && (principalVia === CREDENTIAL || principalVia === principal)
}
