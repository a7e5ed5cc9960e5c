import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthErrorKind, AuthMode } from '../machine/state.ts'
import type { ResolvableRequest } from './request.ts'

/** The session of a request. */
export interface ServerSession {
  readonly authMode: AuthMode
  /** Owner of new rows; null if anonymous. */
  readonly principal: string | null
  /** The canonical principal, then the aliases: rows of any of them belong to this user. Empty if anonymous. */
  readonly principals: readonly string[]
  /** Claims of the verified token; empty if anonymous. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A session with a principal. */
export interface OwnedSession extends ServerSession {
  readonly principal: string
}

/**
 * The source of a session: an impersonating backend, an account provider's token, a device key's token, a cookie, or
 * none. `bearer` is an Authorization header from which no kind of token can be recognized.
 */
export type SessionSource = 'backend' | 'external' | 'local-first' | 'cookie' | 'bearer' | 'none'

/** The result for one request. */
export type Resolution = Accepted | Refused

/** The request is accepted with this session. */
export interface Accepted {
  readonly ok: true
  readonly session: ServerSession
  readonly source: SessionSource
}

/** The request's credential is invalid, or could not be checked. */
export interface Refused {
  readonly ok: false
  /** For the client. `unavailable`: the credential could not be checked. */
  readonly error: AuthErrorKind | 'unavailable'
  /** For the operator, never for the client. */
  readonly reason: LatchkeyErrorCode
  readonly source: SessionSource
  /** Returns the HTTP response, with the `WWW-Authenticate` header of RFC 6750. */
  response(): Response
}

/** Determines the session of a request. Made by `createSessionResolver`. */
export interface SessionResolver {
  /** Never rejects because of the request. Rejects with the error that one of your lookups throws. */
  resolve(request: ResolvableRequest): Promise<Resolution>
  /** The header that carries tokens, in small letters. Absent: `authorization`. */
  readonly tokenHeader?: string | undefined
}
