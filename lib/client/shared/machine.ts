import { type Machine as Runner, type MachineStep, createMachine } from '../../machine/create-machine.ts'
import { type AuthState, INITIAL_STATE } from '../../machine/state.ts'
import type { AuthEvent, Effect, Table } from '../../machine/events.ts'
import { START_TABLE, step } from '../../machine/start-table.ts'
import { type DevtoolsInstance, registerDevtools } from './devtools.ts'

/** Performs an effect. */
type Performer = (step: MachineStep<AuthState, AuthEvent, Effect>) => void

/** The running machine: its state, and the functions that change it. */
export interface Machine extends Runner<AuthState, AuthEvent, AuthState> {
  /** Registers the performer of an effect. */
  on(effect: Effect, perform: Performer): void
  /** Replaces the table by the complete one, which loads later. */
  useTable(table: Table): void
}

/** Runs the machine, at first with `START_TABLE`, and reports each event to the developer tools. */
export function runMachine(shown: Pick<DevtoolsInstance, 'name' | 'timing'>, now: () => number): Machine {
  let table: Table = START_TABLE
  const performers: { [Name in Effect]?: Performer } = {}
  const machine = createMachine<AuthState, AuthEvent, Effect>({
    initial: INITIAL_STATE,
    transition: (state, event) => step(table, state, event),
    perform: (effect, step) => performers[effect]?.(step),
    record({ event: { type }, before, state, effects }) {
      // Every read dispatches `recordChanged`; it is recorded only if something changed.
      if (state !== before || type !== 'recordChanged')
        record?.({ at: now(), event: type, ignored: effects.includes('reportIgnored'), state })
    },
  })
  const { getState, subscribe } = machine
  const record = registerDevtools({ ...shown, getState, subscribe })
  return {
    ...machine,
    on: (effect, perform) => void (performers[effect] = perform),
    useTable: (whole) => void (table = whole),
  }
}
