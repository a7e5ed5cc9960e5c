import type { DBTransactionAdapter } from 'better-auth'

/** The part of a database adapter that works inside a transaction too. */
export type Adapter = DBTransactionAdapter

/** The device that proved itself. */
export interface ProvenDevice {
  readonly principal: string
  readonly thumbprint: string
}

/** What is needed of a Better Auth instance. */
export interface BetterAuthInstance {
  /** Answers a request. */
  readonly handler: (request: Request) => Promise<Response>
  /** Settles once the instance is configured. */
  readonly $context: Promise<{ readonly baseURL: string; readonly adapter: object }>
}
