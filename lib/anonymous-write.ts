import { LatchkeyError } from './errors.ts'

/** A write that is about to happen, for the error. */
export interface WriteAttempt {
  /** The resource that is written, such as `notes`. */
  readonly resource: string
  readonly operation: 'insert' | 'update' | 'delete'
}

/** The error for a write by an anonymous session. */
export interface AnonymousWriteDenied extends LatchkeyError, WriteAttempt {
  readonly code: 'ANONYMOUS_WRITE_DENIED'
}

/** Returns the error for a write without an owner. */
export function anonymousWriteDenied({ resource, operation }: WriteAttempt): AnonymousWriteDenied {
  const error = new LatchkeyError('ANONYMOUS_WRITE_DENIED', `${operation} on ${resource}`)
  return Object.assign(error, { resource, operation }) as AnonymousWriteDenied
}
