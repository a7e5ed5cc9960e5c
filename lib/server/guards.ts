import { LatchkeyError } from '../errors.ts'
import type { AuthMode } from '../machine/state.ts'
import { type ClaimsPattern, matchClaims } from '../claim-pattern.ts'
import { effectiveClaims } from './roles.ts'
import type { OwnedSession, ServerSession } from './types.ts'

/** What is about to be done, and to what. */
export interface WriteAttempt {
  /** Such as `notes`. */
  readonly resource: string
  readonly operation: 'insert' | 'update' | 'delete'
}

/** A write that an anonymous session tried. */
export interface AnonymousWriteDenied extends LatchkeyError, WriteAttempt {
  readonly code: 'ANONYMOUS_WRITE_DENIED'
}

/** A session that owns what it writes. */
export type WriterSession = OwnedSession

/** What a session must be. */
export interface SessionMatch {
  /** One of these modes. */
  readonly authMode?: AuthMode | readonly AuthMode[]
  /** Claims that must be there; see {@link matchClaims}. `sub` is the principal. */
  readonly claims?: ClaimsPattern
}

/**
 * Lets only sessions with a principal write. Call it before any policy of the app.
 *
 * @throws {AnonymousWriteDenied} a {@link LatchkeyError} with code `ANONYMOUS_WRITE_DENIED`, `resource` and `operation`
 */
export function requireWriter(session: ServerSession, attempt: WriteAttempt): asserts session is WriterSession {
  // An unknown mode, or a principal with the anonymous one, is no writer either.
  if (session.principal && (session.authMode === 'local-first' || session.authMode === 'external')) return
  const { resource, operation } = attempt
  throw Object.assign(new LatchkeyError('ANONYMOUS_WRITE_DENIED', `${operation} on ${resource}`), {
    resource,
    operation,
  })
}

/** Tells whether a row's owner is this person, under the canonical principal or an alias. */
export function owns(session: ServerSession, owner: string | null | undefined): boolean {
  return typeof owner === 'string' && owner !== '' && session.principals.includes(owner)
}

/** Tells whether a session has the mode and the claims. What is not given does not matter. */
export function matches(session: ServerSession, { authMode, claims }: SessionMatch): boolean {
  const hasMode = authMode === undefined || [authMode].flat().includes(session.authMode)
  return hasMode && (claims === undefined || matchClaims(claims, effectiveClaims(session)) !== null)
}
