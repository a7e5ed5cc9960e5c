import { createMachine } from '../../machine/create-machine.ts'
import { type AuthState, INITIAL_STATE } from '../../machine/state.ts'
import { type AuthEvent, type Effect, type EventType, transition } from '../../machine/transition.ts'

/** Performs an effect. */
type Performer = (before: AuthState, event: AuthEvent) => void

/** The running machine: its state, and the functions that change it. */
export interface Machine {
  getState(): AuthState
  subscribe(listener: (state: AuthState) => void): () => void
  /**
   * Runs one event through the machine and performs its effects.
   *
   * @returns false if the current phase ignores the event; also if it is queued because an effect dispatched it
   */
  dispatch(event: AuthEvent): boolean
  /** Registers the performer of an effect. */
  on(effect: Effect, perform: Performer): void
}

/** Called with each event, for developer tools. */
type Recorder = (event: EventType, ignored: boolean, state: AuthState) => void

/** Runs the machine of `transition`. */
export function runMachine(connect: (machine: Pick<Machine, 'getState' | 'subscribe'>) => Recorder): Machine {
  const performers = new Map<Effect, Performer>()
  const { getState, subscribe, dispatch } = createMachine<AuthState, AuthEvent, Effect>({
    initial: INITIAL_STATE,
    transition,
    perform: (effect, { before, event }) => performers.get(effect)?.(before, event),
    record({ event: { type }, before, state, effects }) {
      // Every read dispatches `recordChanged`; it is recorded only if something changed.
      if (state !== before || type !== 'recordChanged') record(type, effects.includes('reportIgnored'), state)
    },
  })
  const record = connect({ getState, subscribe })
  return {
    getState,
    subscribe,
    dispatch(event) {
      let isTaken = false
      dispatch(event, (effects) => (isTaken = !effects.includes('reportIgnored')))
      return isTaken
    },
    on: (effect, perform) => void performers.set(effect, perform),
  }
}
