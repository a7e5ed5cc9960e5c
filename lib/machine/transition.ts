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
  /** The store cannot be used. */
  openFailed: { readonly problem: LatchkeyErrorCode }
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
type Row = { readonly [Type in EventType]?: Handler<Type> }

/** Returns the next state for an event. Pure: effects are only named here. */
export function transition(state: AuthState, event: AuthEvent): Transition {
  const handler = (TABLE[state.phase][event.type] ?? ignore) as Handler<EventType>
  return handler(state, event)
}

const keep = (state: AuthState): Transition => [state]
const ignore = (state: AuthState): Transition => [state, 'reportIgnored']
const to =
  (phase: Phase) =>
  (state: AuthState): Transition => [change(state, { phase })]

/** Updates the stored part of the state. Only the events that call this can change the principal. */
const show = (state: AuthState, { view }: { readonly view: View }): Transition =>
  isSame(state, view)
    ? [change(state, view), ...outdated(state, view)]
    : [change(state, { ...view, error: undefined }), 'dropTokens', 'reportPrincipalChange']

/** Also updates the waiting upgrade: another tab may have started or ended one. */
const follow = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = show(state, event)
  const { pending: _, conflict: __, ...rest } = shown.upgrade ?? {}
  // An upgrade that waited for one user is not shown to the next.
  return [waitFor(shown, { ...(isSame(state, event.view) && rest), ...event.waiting }), ...effects]
}

/** The waiting upgrade determines the phase at rest. */
const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

const isSame = (state: AuthState, view: Pick<View, 'authMode' | 'session'>): boolean =>
  state.session?.principal === view.session?.principal && state.authMode === view.authMode

/** Tokens contain the aliases, and servers trust them: tokens with outdated aliases must not be used again. */
const outdated = (state: AuthState, view: View): Effect[] =>
  `${state.session?.principals}` === `${view.session?.principals}` ? [] : ['dropTokens']

/** An identity was created while an operation is running: it is in the record, so it is shown. */
const join = (state: AuthState, event: Found): Transition => [...show(state, event), 'announce']

/** The same while no operation is running. */
const settle = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = follow(state, event)
  return [change(shown, { error: undefined }), ...effects, 'announce']
}

/** The end of an operation clears earlier errors. */
const finish =
  (...effects: Effect[]) =>
  (state: AuthState, event: { readonly view: View }): Transition => {
    const [shown, ...shownEffects] = show(state, event)
    return [change(shown, { phase: 'ready', error: undefined, upgrade: undefined }), ...shownEffects, ...effects]
  }

/** The server can confirm only the current principal; a response for another one is ignored. */
const confirm = (state: AuthState, { view }: { readonly view: View }): Transition =>
  isSame(state, view)
    ? [change(state, { ...view, error: undefined }), ...outdated(state, view), 'announce']
    : ignore(state)

const reject = (state: AuthState, { reason }: { readonly reason: AuthErrorKind }): Transition => {
  if (!state.session) return ignore(state)
  const next = change(state, { error: reason })
  return reason === 'expired' ? [next, 'dropTokens', 'reportExpiry'] : [next, 'dropTokens']
}

const accept = (state: AuthState): Transition => [change(state, { error: undefined })]
const store = (state: AuthState, { storage }: { readonly storage: Storage }): Transition => [change(state, { storage })]

/** The waiting upgrade is in the record, for every tab. */
const pend = (state: AuthState, { upgrade }: { readonly upgrade: UpgradeState }): Transition => [
  waitFor(state, upgrade),
  'announce',
]

/** Restores the previous phase: an upgrade that was waiting continues to wait. */
const fail = (state: AuthState, { failure }: { readonly failure: LatchkeyErrorCode }): Transition => [
  waitFor(state, { ...state.upgrade, failure }),
]

/** The phase to return to after an operation that changed nothing. */
const resting = (upgrade: UpgradeState | undefined): Phase =>
  upgrade?.conflict ? 'conflict' : upgrade?.pending || upgrade?.account ? 'pending' : 'ready'
const back = (state: AuthState): Transition => [change(state, { phase: resting(state.upgrade) })]

const cancel = (state: AuthState): Transition => [change(state, { phase: 'ready', upgrade: undefined }), 'announce']

/** Entries for every phase: unreachable is not rejected. */
const always = {
  networkLost: keep,
  networkFound: (state: AuthState): Transition => [state, 'deliverOutbox'],
  storageChanged: store,
}

/** After the record was read: a rejection keeps the session. */
const opened = { ...always, tokenRejected: reject, tokenAccepted: accept, sessionConfirmed: confirm }

/** No operation is running. */
const rest = { ...opened, recordChanged: follow, identityEnsured: settle, signOutStarted: to('signing-out') }

/** An operation is running: no other one may start. */
const busy = { ...opened, recordChanged: show, identityEnsured: join }

/** Results for a session at the account server, whether an operation led to it or it appeared independently. */
const attempt = { upgradeCompleted: finish('announce'), upgradePended: pend, conflictFound: pend }

const ready = { ...rest, ...attempt, upgradeStarted: to('upgrading') }

/** An upgrade waits, and may fail or be cancelled. */
const waiting = { upgradeFailed: fail, upgradeCancelled: cancel }

/** An event that a row lacks is not allowed in that phase: it is ignored and reported. */
const TABLE: Readonly<Record<Phase, Row>> = {
  starting: {
    ...always,
    opened: (state, event) => [follow({ ...state, phase: 'ready' }, event)[0], 'deliverOutbox'],
    openFailed: (state, { problem }) => [change(state, { phase: 'ready', storage: { ...state.storage, problem } })],
  },
  ready,
  upgrading: { ...busy, ...attempt, upgradeFailed: fail },
  pending: { ...ready, ...waiting },
  conflict: { ...rest, ...waiting, conflictResolved: finish('announce') },
  'signing-out': { ...busy, signOutVetoed: back, signedOut: finish('announce', 'deliverOutbox') },
}

type Patch = { readonly [Field in keyof AuthState]?: AuthState[Field] | undefined }

/** Applies a patch. Keeps every reference whose content did not change, including the state's own. */
function change(state: AuthState, patch: Patch): AuthState {
  const next: Record<string, unknown> = { ...state }
  let changed = false
  for (const [field, value] of Object.entries(patch)) {
    if (JSON.stringify(next[field]) === JSON.stringify(value)) continue
    changed = true
    if (value === undefined) delete next[field]
    else next[field] = value
  }
  return changed ? (next as unknown as AuthState) : state
}
