import { type WriteAttempt, anonymousWriteDenied } from '../anonymous-write.ts'
import type { AuthMode } from '../machine/state.ts'
import { type ClaimsPattern, matchClaims } from '../claim-pattern.ts'
import { effectiveClaims } from './roles.ts'
import type { OwnedSession, ServerSession } from './types.ts'

/** A session that owns its writes. */
export type WriterSession = OwnedSession

/** Conditions on a session. Conditions that are omitted always hold. */
export interface SessionMatch {
  /** The session has one of these modes. */
  readonly authMode?: AuthMode | readonly AuthMode[]
  /** Claims that must be present; see {@link matchClaims}. `sub` is the principal. */
  readonly claims?: ClaimsPattern
}

/**
 * Requires a session with a principal, so that the write has an owner. Call it before the app's own policies.
 *
 * @throws {AnonymousWriteDenied} a {@link LatchkeyError} with code `ANONYMOUS_WRITE_DENIED`, `resource` and `operation`
 */
export function requireWriter(session: ServerSession, attempt: WriteAttempt): asserts session is WriterSession {
  // Also refuses an unknown mode, and a principal in an anonymous session.
  if (session.principal && (session.authMode === 'local-first' || session.authMode === 'external')) return
  throw anonymousWriteDenied(attempt)
}

/** Returns true if the session owns the row, under its canonical principal or an alias. */
export function owns(session: ServerSession, owner: string | null | undefined): boolean {
  return typeof owner === 'string' && owner !== '' && session.principals.includes(owner)
}

/** Returns true if a session has the mode and the claims. */
export function matches(session: ServerSession, { authMode, claims }: SessionMatch): boolean {
  const hasMode = authMode === undefined || [authMode].flat().includes(session.authMode)
  return hasMode && (claims === undefined || matchClaims(claims, effectiveClaims(session)) !== null)
}
