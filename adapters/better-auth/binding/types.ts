import type { DBTransactionAdapter } from 'better-auth'

/** The part of a database adapter that also works inside a transaction. */
export type Adapter = DBTransactionAdapter

/** A device that signed a valid proof. */
export interface ProvenDevice {
  readonly principal: string
  readonly thumbprint: string
}

/** The part of a Better Auth instance that is used. */
export interface BetterAuthInstance {
  /** Handles a request. */
  readonly handler: (request: Request) => Promise<Response>
  /** Calls endpoints on the server. */
  readonly api: object
  /** Resolves once the instance is configured. */
  readonly $context: Promise<{ readonly baseURL: string; readonly adapter: object }>
}

/** The public identity of an account. */
export interface Subject {
  readonly accountId: string
  /** `sub` of every token issued for the account. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** True if a verified identifier restores the account without the device. Its principal is then final. */
  readonly recoverable: boolean
}
