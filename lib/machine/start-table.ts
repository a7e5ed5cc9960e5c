import type { AuthEvent, EventPayloads, EventType, Effect, Found, Row, Table, Transition } from './events.ts'
import type { AuthErrorKind, AuthState, Phase, Storage, UpgradeState, View } from './state.ts'

// The part of the transition table that the first load needs: the events before the later chunk is loaded.

/** Returns the next state for an event. Pure: effects are only named here. */
export function step(table: Table, state: AuthState, event: AuthEvent): Transition {
  const handler = (table[state.phase]?.[event.type] ?? ignore) as (
    state: AuthState,
    event: EventPayloads[EventType],
  ) => Transition
  return handler(state, event)
}

/** An event that is not allowed in this phase. */
export const ignore = (state: AuthState): Transition => [state, 'reportIgnored']

/** Updates the stored part of the state. Only the events that call this can change the principal. */
export const show = (state: AuthState, { view }: { readonly view: View }): Transition =>
  isSame(state, view)
    ? [change(state, view), ...outdated(state, view)]
    : [change(state, { ...view, error: undefined }), 'dropTokens', 'reportPrincipalChange']

/** Also updates the waiting upgrade: another tab may have started or ended one. */
export const follow = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = show(state, event)
  const { pending: _, conflict: __, ...rest } = shown.upgrade ?? {}
  // An upgrade that waited for one user is not shown to the next.
  return [waitFor(shown, { ...(isSame(state, event.view) && rest), ...event.waiting }), ...effects]
}

/** The waiting upgrade determines the phase at rest. */
export const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

const resting = ({ conflict, pending, account }: UpgradeState): Phase =>
  conflict ? 'conflict' : pending || account ? 'pending' : 'ready'

/** True if the view is of the same principal in the same mode. */
export const isSame = (state: AuthState, view: Pick<View, 'authMode' | 'session'>): boolean =>
  state.session?.principal === view.session?.principal && state.authMode === view.authMode

/** Tokens contain the aliases, and servers trust them: tokens with outdated aliases must not be used again. */
const outdated = (state: AuthState, view: View): Effect[] =>
  `${state.session?.principals}` === `${view.session?.principals}` ? [] : ['dropTokens']

const reject = (state: AuthState, { reason }: { readonly reason: AuthErrorKind }): Transition => {
  if (!state.session) return ignore(state)
  const next = change(state, { error: reason })
  return reason === 'expired' ? [next, 'dropTokens', 'reportExpiry'] : [next, 'dropTokens']
}

const accept = (state: AuthState): Transition => [change(state, { error: undefined })]
const store = (state: AuthState, { storage }: { readonly storage: Storage }): Transition => [change(state, { storage })]

/** After the record was read, while no operation is running: a rejection keeps the session. */
const rest: Row = { storageChanged: store, tokenRejected: reject, tokenAccepted: accept, recordChanged: follow }

/** The rows for the events that the first load dispatches. */
export const START_TABLE: Readonly<Record<'starting' | 'ready' | 'pending' | 'conflict', Row>> = {
  starting: {
    storageChanged: store,
    opened: (state, event) => [follow({ ...state, phase: 'ready' }, event)[0], 'deliverOutbox'],
    openFailed: (state, { problem }) => [change(state, { phase: 'ready', storage: { ...state.storage, problem } })],
  },
  ready: rest,
  pending: rest,
  conflict: rest,
}

type Patch = { readonly [Field in keyof AuthState]?: AuthState[Field] | undefined }

/** Applies a patch. Keeps every reference whose content did not change, including the state's own. */
export function change(state: AuthState, patch: Patch): AuthState {
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
