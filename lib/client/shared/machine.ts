import { type Machine as Runner, type MachineStep, createMachine } from '../../machine/create-machine.ts'
import { type AuthState, INITIAL_STATE } from '../../machine/state.ts'
import { type AuthEvent, type Effect, transition } from '../../machine/transition.ts'
import { type DevtoolsInstance, registerDevtools } from './devtools.ts'

/** Performs an effect. */
type Performer = (step: MachineStep<AuthState, AuthEvent, Effect>) => void

/** The running machine: its state, and the way to change it. */
export interface Machine extends Runner<AuthState, AuthEvent, AuthState> {
  /** Registers what performs an effect. */
  on(effect: Effect, perform: Performer): void
}

/** Runs the machine of `transition`, and shows each event to the developer tools. */
export function runMachine(shown: Pick<DevtoolsInstance, 'name' | 'timing'>, now: () => number): Machine {
  const performers: { [Name in Effect]?: Performer } = {}
  const machine = createMachine<AuthState, AuthEvent, Effect>({
    initial: INITIAL_STATE,
    transition,
    perform: (effect, step) => performers[effect]?.(step),
    record({ event: { type }, before, state, effects }) {
      // Every read says what the record holds; it is news only if something changed.
      if (state !== before || type !== 'recordChanged')
        record?.({ at: now(), event: type, ignored: effects.includes('reportIgnored'), state })
    },
  })
  const { getState, subscribe } = machine
  const record = registerDevtools({ ...shown, getState, subscribe })
  return { ...machine, on: (effect, perform) => void (performers[effect] = perform) }
}
