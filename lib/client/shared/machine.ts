import { createMachine } from '../../machine/create-machine.ts'
import type { AuthState } from '../../machine/state.ts'
import type { AuthEvent, Effect } from '../../machine/events.ts'
import { transition } from '../../machine/transition.ts'
import type { Context, Machine, Performer, StartContext } from './context.ts'

/**
 * Starts the machine of an opened client, once, and reports each event to the developer tools. From then on, the clock
 * is corrected.
 */
export function startMachine(context: StartContext): Context {
  if (context.dispatch) return context as Context
  const { getState, now: deviceTime, record, timing } = context
  const now = (): number => deviceTime() + timing.skew
  const performers: { [Name in Effect]?: Performer } = {}
  const { dispatch } = createMachine<AuthState, AuthEvent, Effect>({
    initial: getState(),
    holder: context,
    transition,
    perform: (effect, step) => performers[effect]?.(step),
    record({ event, before, state, effects }) {
      const { type, ...payload } = event
      // Every read dispatches `recordChanged`; it is recorded only if something changed.
      if (state !== before || type !== 'recordChanged')
        record?.({ at: now(), event: type, payload, effects, ignored: effects.includes('reportIgnored'), state })
    },
  })
  const machine: Machine = { dispatch, on: (effect, perform) => void (performers[effect] = perform) }
  return Object.assign(context, machine, { now })
}
