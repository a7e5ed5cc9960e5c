import type { AuthEvent, EventPayloads, EventType, Found, Row, Table, Transition } from './events.ts'
import type { AuthErrorKind, AuthState, Phase, UpgradeState } from './state.ts'

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

/** The waiting upgrade determines the phase at rest. */
export const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

const resting = ({ conflict, pending, account }: UpgradeState): Phase =>
  conflict ? 'conflict' : pending || account ? 'pending' : 'ready'

const reject = (state: AuthState, { reason }: { readonly reason: AuthErrorKind }): Transition => {
  if (!state.session) return ignore(state)
  const next = change(state, { error: reason })
  return reason === 'expired' ? [next, 'dropTokens', 'reportExpiry'] : [next, 'dropTokens']
}

const accept = (state: AuthState): Transition => [change(state, { error: undefined })]

/** The first session, and the upgrade that waits. */
const open = (state: AuthState, { view, waiting }: Found): Transition => [
  waitFor(change(state, view), waiting),
  'deliverOutbox',
]

/** After the record was read, while no operation is running: a rejection keeps the session. */
const rest: Row = { tokenRejected: reject, tokenAccepted: accept }

/** The rows for the events that the first load dispatches. */
export const START_TABLE: Readonly<Record<'starting' | 'ready' | 'pending' | 'conflict', Row>> = {
  starting: {
    storageChanged: (state, { storage }) => [change(state, { storage })],
    opened: open,
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
