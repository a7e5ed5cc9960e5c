import type { AuthErrorKind, AuthMode } from '../machine/state.ts'
import type { LatchkeyErrorCode } from '../errors.ts'

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

/** The answer about one request. */
export type Resolution =
  | { readonly ok: true; readonly session: ServerSession }
  | {
      readonly ok: false
      /** For the client; `unavailable` is no verdict on the credential. */
      readonly error: AuthErrorKind | 'unavailable'
      /** For the operator, never for the client. */
      readonly reason: LatchkeyErrorCode
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
