import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthErrorKind, AuthMode } from '../machine/state.ts'
import type { ResolvableRequest } from './request.ts'

/** Who a request comes from. */
export interface ServerSession {
  readonly authMode: AuthMode
  /** Owns what is written; null when anonymous. */
  readonly principal: string | null
  /** The canonical principal first, then the aliases: rows of any of them are this person's. Empty when anonymous. */
  readonly principals: readonly string[]
  /** Claims of the verified token; empty when anonymous. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A session that is somebody's. */
export interface OwnedSession extends ServerSession {
  readonly principal: string
}

/**
 * What told who is asking: a backend that speaks for somebody, an account provider's token, a device key's token, a
 * cookie, or nothing. `bearer` is an Authorization header that says too little of itself to be tried as any kind.
 */
export type SessionSource = 'backend' | 'external' | 'local-first' | 'cookie' | 'bearer' | 'none'

/** The answer about one request. */
export type Resolution = Accepted | Refused

/** The request comes from this session. */
export interface Accepted {
  readonly ok: true
  readonly session: ServerSession
  readonly source: SessionSource
}

/** The request has a credential that does not hold. */
export interface Refused {
  readonly ok: false
  /** For the client; `unavailable` is no verdict on the credential. */
  readonly error: AuthErrorKind | 'unavailable'
  /** For the operator, never for the client. */
  readonly reason: LatchkeyErrorCode
  readonly source: SessionSource
  /** The HTTP answer, with the `WWW-Authenticate` header of RFC 6750. */
  response(): Response
}

/** Tells who a request comes from. Made by `createSessionResolver`. */
export interface SessionResolver {
  /** Never rejects for anything in the request; what a lookup of yours throws is passed on. */
  resolve(request: ResolvableRequest): Promise<Resolution>
  /** The header that carries tokens, in small letters. Absent: `authorization`. */
  readonly tokenHeader?: string | undefined
}
