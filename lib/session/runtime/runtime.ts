import type { Machine } from '../../machine/create-machine.ts'
import type { ConnectedSession } from '../connected-session.ts'
import type { InternalState, SessionEvent } from '../machine/internal-state.ts'
import type { SessionToken } from '../machine/session-token.ts'
import type { SessionState } from '../machine/snapshot.ts'
import type { SessionAuth, SessionOptions } from '../options.ts'
import type { SessionTransport } from '../transport.ts'
import type { Connection } from './connection.ts'
import type { Deadline } from './deadline.ts'
import type { PendingResults } from './pending-results.ts'
import type { Refresher } from './refresher.ts'

/** A decision of the app about data that the transport keeps of another user. */
export interface Decision {
  /** The principal whose session starts next. */
  readonly to: string
  /** False if another user came meanwhile, or the session ended: the decision has no effect. */
  readonly isCurrent: () => boolean
  /** True once the data is that of `to`; false without an effect. Rejects if the session must not start. */
  readonly hasEffect: Promise<boolean>
}

/** What the parts of a session share. */
export interface SessionRuntime extends Machine<InternalState, SessionEvent, SessionState> {
  readonly auth: SessionAuth
  readonly transport: SessionTransport
  readonly options: SessionOptions
  readonly connection: Connection
  readonly pendingResults: PendingResults
  readonly refresher: Refresher
  /** Fires when a fresh token is due. */
  readonly due: Deadline
  /** Fires when a retry is due. */
  readonly retry: Deadline
  /** @throws {LatchkeyError} `TOKEN_*` */
  read(text: string, isFresh: boolean): SessionToken
  /** The principal whose data the transport may keep. */
  owner: string | null
  /** What the app is deciding about data of another user; null if it was not asked. */
  decision: Decision | null
  /** The number of times that the session's principal changed. */
  turn: number
  /** Stops all calls to the app, the transport and `auth`, including those of queued events, until the next start. */
  halt(): void
  /** Calls `onFault`. */
  fault(error: unknown): void
  /** The session, for the app's callbacks. */
  self(): ConnectedSession
}
