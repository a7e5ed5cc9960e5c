import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthEvent, Effect, Found, Row, Table, Transition } from './events.ts'
import { START_TABLE, change, follow, ignore, isSame, show, step, waitFor } from './start-table.ts'
import type { AuthState, Phase, UpgradeState, View } from './state.ts'

/** The next state for an event. Pure: effects are only named here. */
export function transition(state: AuthState, event: AuthEvent): Transition {
  return step(TABLE, state, event)
}

const keep = (state: AuthState): Transition => [state]
const deliver = (state: AuthState): Transition => [state, 'deliverOutbox']
const to =
  (phase: Phase) =>
  (state: AuthState): Transition => [change(state, { phase })]

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
    return [change(waitFor(shown, {}), { error: undefined }), ...shownEffects, ...effects]
  }

/** The server's word on the same principal; anything else is not its to say. */
const confirm = (state: AuthState, event: { readonly view: View }): Transition => {
  if (!isSame(state, event.view)) return ignore(state)
  const [shown, ...effects] = show(state, event)
  return [change(shown, { error: undefined }), ...effects, 'announce']
}

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
const back = (state: AuthState): Transition => [waitFor(state, { ...state.upgrade })]

const cancel = (state: AuthState): Transition => [waitFor(state, {}), 'announce']

/** What is the same in every phase: unreachable is not rejected. */
const always = { networkLost: keep, networkFound: deliver }

/** Once the store was read. */
const opened = { ...START_TABLE.ready, ...always, sessionConfirmed: confirm }

/** No act is under way. */
const rest = { ...opened, identityEnsured: settle, signOutStarted: to('signing-out') }

/** An act is under way: no other one may start. */
const busy: Row = { ...opened, recordChanged: show, identityEnsured: join }

/** What comes of a session at the account server, whether an act led to it or it appeared outside. */
const attempt = { upgradeCompleted: finish('announce'), upgradePended: pend, conflictFound: pend }

const ready = { ...rest, ...attempt, upgradeStarted: to('upgrading') }

/** Something waits, and may come to nothing. */
const waiting = { upgradeFailed: fail, upgradeCancelled: cancel }

/** What a row lacks has no place in that phase: it is ignored, and reported. */
export const TABLE: Required<Table> = {
  starting: { ...START_TABLE.starting, ...always },
  ready,
  upgrading: { ...busy, ...attempt, upgradeFailed: fail },
  pending: { ...ready, ...waiting },
  conflict: { ...rest, ...waiting, conflictResolved: finish('announce') },
  'signing-out': { ...busy, signOutVetoed: back, signedOut: finish('announce', 'deliverOutbox') },
}
