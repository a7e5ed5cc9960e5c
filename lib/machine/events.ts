import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthErrorKind, AuthState, Phase, Storage, UpgradeState, View } from './state.ts'

/** What the record says. */
export interface Found {
  readonly view: View
  readonly waiting: UpgradeState
}

/** What becomes of a conflict. */
export type Decision = 'adopt' | 'switch' | 'discard'

/** Why the principal changed: the decision that ended a conflict, or the event that brought another identity. */
export type PrincipalChangeReason =
  | Decision
  | Extract<EventType, 'identityEnsured' | 'recordChanged' | 'upgradeCompleted' | 'signedOut'>

/** Everything that can happen, with what it brings. */
export interface EventPayloads {
  /** The store was read, or the first identity made. */
  opened: Found
  /** The store cannot be used. */
  openFailed: { readonly problem: LatchkeyErrorCode }
  /** `ensureIdentity` or an import put another identity in force. */
  identityEnsured: Found
  /** Another tab changed the record. */
  recordChanged: Found
  /** The account server confirmed the session. */
  sessionConfirmed: { readonly view: View }
  upgradeStarted: object
  /** The account is in force. */
  upgradeCompleted: { readonly view: View }
  upgradeFailed: { readonly failure: LatchkeyErrorCode }
  /**
   * What waits now: something outside that is still to come, a session that is there and needs the person's word, or
   * nothing.
   */
  upgradePended: { readonly upgrade: UpgradeState }
  /** The account has another principal and the device holds something. */
  conflictFound: { readonly upgrade: UpgradeState }
  conflictResolved: { readonly view: View; readonly decision: Decision }
  upgradeCancelled: object
  signOutStarted: object
  signOutVetoed: object
  signedOut: { readonly view: View }
  /** A server refused the credential. */
  tokenRejected: { readonly reason: AuthErrorKind }
  /** A server took the credential, or a fresh one for the same principal arrived. */
  tokenAccepted: object
  networkLost: object
  networkFound: object
  storageChanged: { readonly storage: Storage }
}

/** The name of an event. */
export type EventType = keyof EventPayloads

/** One event. */
export type AuthEvent = { [Type in EventType]: { readonly type: Type } & EventPayloads[Type] }[EventType]

/** What the runtime has to do after a transition. */
export type Effect =
  /** Tell the other tabs to read the record again. */
  | 'announce'
  /** Forget tokens of the session before. */
  | 'dropTokens'
  /** Call `onPrincipalChange`. */
  | 'reportPrincipalChange'
  /** Call `onTokenExpired`. */
  | 'reportExpiry'
  /** Deliver what the account server still has to hear. */
  | 'deliverOutbox'
  /** The event has no place in this phase: say so to the developer tools. */
  | 'reportIgnored'

/** The next state and what to do about it. The same state object where nothing changed. */
export type Transition = readonly [state: AuthState, ...effects: Effect[]]

type Handler<Type extends EventType> = (state: AuthState, event: EventPayloads[Type]) => Transition

/** What the events do in one phase. What a row lacks has no place in that phase: it is ignored, and reported. */
export type Row = { readonly [Type in EventType]?: Handler<Type> }

/** What the events do in each phase. */
export type Table = { readonly [Name in Phase]?: Row }
