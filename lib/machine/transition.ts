import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthEvent, Effect, EventPayloads, EventType, Found, Row, Table, Transition } from './events.ts'
import { openState, resting } from './open-state.ts'
import type { AuthErrorKind, AuthState, Phase, Storage, UpgradeState, View } from './state.ts'

/** Returns the next state for an event. Pure: effects are only named here. */
export function transition(state: AuthState, event: AuthEvent): Transition {
  const handler = (TABLE[state.phase][event.type] ?? ignore) as (
    state: AuthState,
    event: EventPayloads[EventType],
  ) => Transition
  return handler(state, event)
}

/** An event that is not allowed in this phase. */
const ignore = (state: AuthState): Transition => [state, 'reportIgnored']

/** The waiting upgrade, and the phase at rest that it determines. */
const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

/** A rejection keeps the session. */
const reject = (state: AuthState, { reason }: { readonly reason: AuthErrorKind }): Transition => {
  if (!state.session) return ignore(state)
  const next = change(state, { error: reason })
  return reason === 'expired' ? [next, 'dropTokens', 'reportExpiry'] : [next, 'dropTokens']
}

const accept = (state: AuthState): Transition => [change(state, { error: undefined })]

const store = (state: AuthState, { storage }: { readonly storage: Storage }): Transition => [change(state, { storage })]

/** The durability and the advice of the other tabs depend on it too. */
const backUp = (state: AuthState, event: { readonly storage: Storage }): Transition => [
  ...store(state, event),
  'announce',
]

/** The start, which the first load performs itself. */
const open = (state: AuthState, found: Found): Transition => [openState(state, found)]

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

/** While an operation is running, it keeps its phase. An account that waited for one user is not shown to the next. */
const followBusy = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = show(state, event)
  const { account: _, ...rest } = shown.upgrade ?? {}
  if (isSame(state, event.view) || !shown.upgrade?.account) return [shown, ...effects]
  return [change(shown, { upgrade: Object.keys(rest).length ? rest : undefined }), ...effects]
}

/** True if the view is of the same principal in the same mode. */
const isSame = (state: AuthState, view: Pick<View, 'authMode' | 'session'>): boolean =>
  state.session?.principal === view.session?.principal && state.authMode === view.authMode

/** Tokens contain the aliases, and servers trust them: tokens with outdated aliases must not be used again. */
const outdated = (state: AuthState, view: View): Effect[] =>
  `${state.session?.principals}` === `${view.session?.principals}` ? [] : ['dropTokens']

const keep = (state: AuthState): Transition => [state]
const deliver = (state: AuthState): Transition => [state, 'deliverOutbox']
const to =
  (phase: Phase) =>
  (state: AuthState): Transition => [change(state, { phase })]

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
    return [change(waitFor(shown, {}), { error: undefined }), ...shownEffects, ...effects]
  }

/** The server can confirm only the current principal; a response for another one is ignored. */
const confirm = (state: AuthState, event: { readonly view: View }): Transition => {
  if (!isSame(state, event.view)) return ignore(state)
  const [shown, ...effects] = show(state, event)
  return [change(shown, { error: undefined }), ...effects, 'announce']
}

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
const back = (state: AuthState): Transition => [waitFor(state, { ...state.upgrade })]

const cancel = (state: AuthState): Transition => [waitFor(state, {}), 'announce']

/** Entries for every phase: unreachable is not rejected. */
const always = { networkLost: keep, networkFound: deliver, storageChanged: store, backupsChanged: backUp }

/** After the record was read. */
const opened = {
  ...always,
  tokenRejected: reject,
  tokenAccepted: accept,
  recordChanged: follow,
  sessionConfirmed: confirm,
}

/** No operation is running. */
const rest = { ...opened, identityEnsured: settle, signOutStarted: to('signing-out') }

/** An operation is running: no other one may start. */
const busy: Row = { ...opened, recordChanged: followBusy, identityEnsured: join }

/** Results for a session at the account server, whether an operation led to it or it appeared independently. */
const attempt = { upgradeCompleted: finish('announce'), upgradePended: pend, conflictFound: pend }

/** An upgrade that was cancelled while it ran leaves the code of its failure, until it is cleared. */
const ready = { ...rest, ...attempt, upgradeStarted: to('upgrading'), upgradeCancelled: cancel }

/** An upgrade waits, and may fail or be cancelled. */
const waiting = { upgradeFailed: fail, upgradeCancelled: cancel }

/** An event that a row lacks is not allowed in that phase: it is ignored and reported. */
export const TABLE: Table = {
  starting: { ...always, opened: open, openFailed: open },
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
