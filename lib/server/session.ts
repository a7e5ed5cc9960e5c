import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthErrorKind, AuthMode } from '../machine/state.ts'

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

/** A request without a credential. */
export const ANONYMOUS: ServerSession = Object.freeze({
  authMode: 'anonymous',
  principal: null,
  principals: Object.freeze([]),
  claims: Object.freeze({}),
})

/** Most aliases that a principal can have. */
export const MOST_ALIASES = 16

/** Most characters of a principal; OpenID Connect allows a `sub` no more. */
export const LONGEST_PRINCIPAL = 255

/** Tells whether a value can be a principal. */
export function isPrincipal(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_PRINCIPAL
}

/** Tells whether a value is a list of aliases. */
export function isAliasList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST_ALIASES && value.every(isPrincipal)
}

/** A session of one principal, which nobody can change. */
export function ownedSession(
  authMode: AuthMode,
  principal: string,
  aliases: readonly string[],
  claims: object,
): OwnedSession {
  const principals = Object.freeze([principal, ...aliases])
  return Object.freeze({ authMode, principal, principals, claims: Object.freeze(claims) as OwnedSession['claims'] })
}
