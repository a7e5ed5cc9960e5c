import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthErrorKind, AuthState, Phase, Storage, UpgradeState, View } from './state.ts'

/** The state derived from the record. */
export interface Found {
  readonly view: View
  readonly waiting: UpgradeState
}

/** How a conflict is resolved. */
export type Decision = 'adopt' | 'switch' | 'discard'

/**
 * Why the principal changed: the decision that resolved a conflict, or the event that made another identity current.
 */
export type PrincipalChangeReason =
  | Decision
  | Extract<EventType, 'identityEnsured' | 'recordChanged' | 'upgradeCompleted' | 'signedOut'>

/** Every event, with its payload. */
export interface EventPayloads {
  /** The record was read, or the first identity created. */
  opened: Found
  /** The store cannot be used. `storage.problem` says why. */
  openFailed: Found
  /** `ensureIdentity` or an import made another identity current. */
  identityEnsured: Found
  /** Another tab changed the record. */
  recordChanged: Found
  /** The account server confirmed the session. */
  sessionConfirmed: { readonly view: View }
  upgradeStarted: object
  /** The account is current. */
  upgradeCompleted: { readonly view: View }
  upgradeFailed: { readonly failure: LatchkeyErrorCode }
  /** The upgrade waits for an external step, or for confirmation of a signed-in account, or no longer waits. */
  upgradePended: { readonly upgrade: UpgradeState }
  /** The account has another principal, and the device has data. */
  conflictFound: { readonly upgrade: UpgradeState }
  conflictResolved: { readonly view: View; readonly decision: Decision }
  upgradeCancelled: object
  signOutStarted: object
  signOutVetoed: object
  signedOut: { readonly view: View }
  /** A server refused the credential. */
  tokenRejected: { readonly reason: AuthErrorKind }
  /** A server accepted the credential, or a new one for the same principal arrived. */
  tokenAccepted: object
  networkLost: object
  networkFound: object
  storageChanged: { readonly storage: Storage }
  /** This tab recorded or removed a backup, or derived the first key, whose data needs one. */
  backupsChanged: { readonly storage: Storage }
}

/** The name of an event. */
export type EventType = keyof EventPayloads

/** One event. */
export type AuthEvent = { [Type in EventType]: { readonly type: Type } & EventPayloads[Type] }[EventType]

/** Effects that the runtime performs after a transition. */
export type Effect =
  /** Tell the other tabs to read the record again. */
  | 'announce'
  /** Forget the tokens of the previous session. */
  | 'dropTokens'
  /** Call `onPrincipalChange`. */
  | 'reportPrincipalChange'
  /** Call `onTokenExpired`. */
  | 'reportExpiry'
  /** Deliver the outbox to the account server. */
  | 'deliverOutbox'
  /** Report to the developer tools that the event is not allowed in this phase. */
  | 'reportIgnored'

/** The next state and its effects. The same state object if nothing changed. */
export type Transition = readonly [state: AuthState, ...effects: Effect[]]

type Handler<Type extends EventType> = (state: AuthState, event: EventPayloads[Type]) => Transition

/** The handlers of one phase. An event that a row lacks is not allowed in that phase: it is ignored and reported. */
export type Row = { readonly [Type in EventType]?: Handler<Type> }

/** The handlers of each phase. */
export type Table = { readonly [Name in Phase]: Row }
