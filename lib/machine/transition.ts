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
type Row = { readonly [Type in EventType]?: Handler<Type> }

/** The next state for an event. Pure: effects are only named here. */
export function transition(state: AuthState, event: AuthEvent): Transition {
  const handler = (TABLE[state.phase][event.type] ?? ignore) as Handler<EventType>
  return handler(state, event)
}

const keep = (state: AuthState): Transition => [state]
const ignore = (state: AuthState): Transition => [state, 'reportIgnored']
const to =
  (phase: Phase) =>
  (state: AuthState): Transition => [change(state, { phase })]

/** Takes over what the store says; nothing but the events that use it can change the principal. */
const show = (state: AuthState, { view }: { readonly view: View }): Transition =>
  isSame(state, view)
    ? [change(state, view), ...outdated(state, view)]
    : [change(state, { ...view, error: undefined }), 'dropTokens', 'reportPrincipalChange']

/** The same for what the store says of an upgrade that waits: it may have begun or ended in another tab. */
const follow = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = show(state, event)
  const { pending: _, conflict: __, ...rest } = shown.upgrade ?? {}
  // What waited for one person is not shown to the next.
  return [waitFor(shown, { ...(isSame(state, event.view) && rest), ...event.waiting }), ...effects]
}

/** What waits says where the machine rests. */
const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

const isSame = (state: AuthState, view: Pick<View, 'authMode' | 'session'>): boolean =>
  state.session?.principal === view.session?.principal && state.authMode === view.authMode

/** Tokens carry the aliases, and servers believe them: those of before are not to be used any more. */
const outdated = (state: AuthState, view: View): Effect[] =>
  `${state.session?.principals}` === `${view.session?.principals}` ? [] : ['dropTokens']

/** An identity that was made while an act is under way: the record has it, so it is shown. */
const join = (state: AuthState, event: Found): Transition => [...show(state, event), 'announce']

/** The same with no act under way. */
const settle = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = follow(state, event)
  return [change(shown, { error: undefined }), ...effects, 'announce']
}

/** The end of an act: nothing that was wrong before it still counts. */
const finish =
  (...effects: Effect[]) =>
  (state: AuthState, event: { readonly view: View }): Transition => {
    const [shown, ...shownEffects] = show(state, event)
    return [change(shown, { phase: 'ready', error: undefined, upgrade: undefined }), ...shownEffects, ...effects]
  }

/** The server's word on the same principal; anything else is not its to say. */
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

/** What waits is in the record, for every tab. */
const pend = (state: AuthState, { upgrade }: { readonly upgrade: UpgradeState }): Transition => [
  waitFor(state, upgrade),
  'announce',
]

/** The state before: an upgrade that was waiting goes on waiting. */
const fail = (state: AuthState, { failure }: { readonly failure: LatchkeyErrorCode }): Transition => [
  waitFor(state, { ...state.upgrade, failure }),
]

/** Where an act that changed nothing came from. */
const resting = (upgrade: UpgradeState | undefined): Phase =>
  upgrade?.conflict ? 'conflict' : upgrade?.pending || upgrade?.account ? 'pending' : 'ready'
const back = (state: AuthState): Transition => [change(state, { phase: resting(state.upgrade) })]

const cancel = (state: AuthState): Transition => [change(state, { phase: 'ready', upgrade: undefined }), 'announce']

/** What is the same in every phase: unreachable is not rejected. */
const always = {
  networkLost: keep,
  networkFound: (state: AuthState): Transition => [state, 'deliverOutbox'],
  storageChanged: store,
}

/** Once the store was read: a rejection keeps the session. */
const opened = { ...always, tokenRejected: reject, tokenAccepted: accept, sessionConfirmed: confirm }

/** No act is under way. */
const rest = { ...opened, recordChanged: follow, identityEnsured: settle, signOutStarted: to('signing-out') }

/** An act is under way: no other one may start. */
const busy = { ...opened, recordChanged: show, identityEnsured: join }

/** What comes of a session at the account server, whether an act led to it or it appeared outside. */
const attempt = { upgradeCompleted: finish('announce'), upgradePended: pend, conflictFound: pend }

const ready = { ...rest, ...attempt, upgradeStarted: to('upgrading') }

/** Something waits, and may come to nothing. */
const waiting = { upgradeFailed: fail, upgradeCancelled: cancel }

/** What a row lacks has no place in that phase: it is ignored, and reported. */
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

/** Applies a patch and keeps every reference whose content did not change, the state's own included. */
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
