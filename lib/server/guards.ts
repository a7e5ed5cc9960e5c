import { LatchkeyError } from '../errors.ts'
import type { ServerSession } from './session.ts'

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
export interface WriterSession extends ServerSession {
  readonly principal: string
}

/**
 * Lets only sessions with a principal write. Call it before any policy of the app.
 *
 * @throws {AnonymousWriteDenied} a {@link LatchkeyError} with code `ANONYMOUS_WRITE_DENIED`, `resource` and `operation`
 */
export function requireWriter(session: ServerSession, attempt: WriteAttempt): asserts session is WriterSession {
  if (session.principal) return
  const { resource, operation } = attempt
  throw Object.assign(new LatchkeyError('ANONYMOUS_WRITE_DENIED', `${operation} on ${resource}`), { resource, operation })
}

/** Tells whether a row's owner is this person, under the canonical principal or an alias. */
export function owns(session: ServerSession, owner: string | null | undefined): boolean {
  return typeof owner === 'string' && session.principals.includes(owner)
}
