import { type AuthState, INITIAL_STATE } from '../../machine/state.ts'
import { type AuthEvent, type Effect, type EventType, transition } from '../../machine/transition.ts'
import { guarded } from './guarded.ts'

/** Performs an effect. */
type Performer = (before: AuthState, event: AuthEvent) => void

/** The running machine: its state, and the way to change it. */
export interface Machine {
  getState(): AuthState
  subscribe(listener: () => void): () => void
  /**
   * Runs one event through the machine and performs its effects.
   *
   * @returns false if the present phase ignores the event
   */
  dispatch(event: AuthEvent): boolean
  /** Registers what performs an effect. */
  on(effect: Effect, perform: Performer): void
}

/** Hears of each event, for developer tools. */
type Recorder = (event: EventType, ignored: boolean, state: AuthState) => void

/** Runs the machine of `transition`. */
export function runMachine(connect: (machine: Pick<Machine, 'getState' | 'subscribe'>) => Recorder): Machine {
  const listeners = new Set<() => void>()
  const performers = new Map<Effect, Performer>()
  let state = freeze(INITIAL_STATE)
  const getState = (): AuthState => state
  const subscribe = (listener: () => void): (() => void) => (
    listeners.add(listener),
    () => void listeners.delete(listener)
  )
  const record = connect({ getState, subscribe })
  return {
    getState,
    subscribe,
    dispatch(event) {
      const before = state
      const [next, ...effects] = transition(before, event)
      const ignored = effects.includes('reportIgnored')
      state = freeze(next)
      // Every read says what the record holds; it is news only if something changed.
      if (state !== before || event.type !== 'recordChanged') record(event.type, ignored, state)
      for (const effect of effects) performers.get(effect)?.(before, event)
      if (state !== before) for (const listener of [...listeners]) guarded(listener)
      return !ignored
    },
    on: (effect, perform) => void performers.set(effect, perform),
  }
}

function freeze<Value>(value: Value): Value {
  // What is no object counts as frozen.
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freeze)
  return value
}
