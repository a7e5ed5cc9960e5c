import type { AuthEvent, EventPayloads, EventType, Effect, Found, Row, Table, Transition } from './events.ts'
import type { AuthErrorKind, AuthState, Phase, Storage, UpgradeState, View } from './state.ts'

// The part of the transition table that a page needs in its first load: what can happen before there is an act.

/** The next state for an event. Pure: effects are only named here. */
export function step(table: Table, state: AuthState, event: AuthEvent): Transition {
  const handler = (table[state.phase]?.[event.type] ?? ignore) as (
    state: AuthState,
    event: EventPayloads[EventType],
  ) => Transition
  return handler(state, event)
}

/** The event has no place in this phase. */
export const ignore = (state: AuthState): Transition => [state, 'reportIgnored']

/** Takes over what the store says; nothing but the events that use it can change the principal. */
export const show = (state: AuthState, { view }: { readonly view: View }): Transition =>
  isSame(state, view)
    ? [change(state, view), ...outdated(state, view)]
    : [change(state, { ...view, error: undefined }), 'dropTokens', 'reportPrincipalChange']

/** The same for what the store says of an upgrade that waits: it may have begun or ended in another tab. */
export const follow = (state: AuthState, event: Found): Transition => {
  const [shown, ...effects] = show(state, event)
  const { pending: _, conflict: __, ...rest } = shown.upgrade ?? {}
  // What waited for one person is not shown to the next.
  return [waitFor(shown, { ...(isSame(state, event.view) && rest), ...event.waiting }), ...effects]
}

/** What waits says where the machine rests. */
export const waitFor = (state: AuthState, upgrade: UpgradeState): AuthState =>
  change(state, { phase: resting(upgrade), upgrade: Object.keys(upgrade).length ? upgrade : undefined })

const resting = ({ conflict, pending, account }: UpgradeState): Phase =>
  conflict ? 'conflict' : pending || account ? 'pending' : 'ready'

/** True if the view is of the same principal in the same mode. */
export const isSame = (state: AuthState, view: Pick<View, 'authMode' | 'session'>): boolean =>
  state.session?.principal === view.session?.principal && state.authMode === view.authMode

/** Tokens carry the aliases, and servers believe them: those of before are not to be used any more. */
const outdated = (state: AuthState, view: View): Effect[] =>
  `${state.session?.principals}` === `${view.session?.principals}` ? [] : ['dropTokens']

const reject = (state: AuthState, { reason }: { readonly reason: AuthErrorKind }): Transition => {
  if (!state.session) return ignore(state)
  const next = change(state, { error: reason })
  return reason === 'expired' ? [next, 'dropTokens', 'reportExpiry'] : [next, 'dropTokens']
}

const accept = (state: AuthState): Transition => [change(state, { error: undefined })]
const store = (state: AuthState, { storage }: { readonly storage: Storage }): Transition => [change(state, { storage })]

/** Once the store was read, with no act under way: a rejection keeps the session. */
const rest: Row = { storageChanged: store, tokenRejected: reject, tokenAccepted: accept, recordChanged: follow }

/** All that happens until the later part of the client is there. */
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

/** Applies a patch and keeps every reference whose content did not change, the state's own included. */
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
