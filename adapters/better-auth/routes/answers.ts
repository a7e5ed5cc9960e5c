import type { Subject } from '../binding/types.ts'

// Types only: the client reads them too.

/** The response of `GET /latchkey/session`. */
export interface SessionAnswer {
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
  /** The subject of the current session; null without a session. `open` only with `?peek=1`. */
  readonly session: SessionSubject | null
  /** Whether the session that `?ended=<id>` names is gone; absent where this cannot be told. */
  readonly isEnded?: boolean
}

/** Who a session belongs to. */
export interface SessionSubject extends Subject {
  /** A new id after each sign-in. */
  readonly id: string
  /** Milliseconds since the sign-in; only with `?peek=1`. */
  readonly age?: number
  /** The admin who impersonates the user; only with `?peek=1`. */
  readonly impersonatedBy?: string
  /** The principal of the admin who impersonates the user. */
  readonly actor?: string
  /** The verified e-mail address and phone number, in lower case. */
  readonly identifiers: readonly string[]
  /** True if the account is unused. */
  readonly open?: boolean
  /** The principal whose key signed the request that made the session; null: that request had no proof. */
  readonly provenBy: string | null
}

/** One device key of an account. Times are milliseconds since 1970. */
export interface KeyAnswer {
  /** RFC 7638 thumbprint of the public key; identifies the key. */
  readonly thumbprint: string
  readonly principal: string
  readonly name: string | null
  readonly createdAt: number
  /** Last sign-in or binding with a proof. */
  readonly lastSeenAt: number | null
  /** Time of the revocation; null while the key is valid. */
  readonly retiredAt: number | null
}

/** The response of `GET /latchkey/keys`. */
export interface KeysAnswer {
  readonly keys: readonly KeyAnswer[]
}
