import type { ProofState } from './proof-header.ts'
import type { Fetch } from './requests.ts'

/** Passed from the client plugin to `betterAuthAccount`. */
export interface LatchkeyConnection {
  readonly fetch: Fetch
  readonly baseURL: string
  readonly proofState: ProofState
  readonly requireNonce: boolean
}

/** The part of the Better Auth client that is used. */
export interface LatchkeyAuthClient {
  /** Added by `latchkeyClient`. */
  $latchkey(): LatchkeyConnection
}
