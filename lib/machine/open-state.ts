import type { Found } from './events.ts'
import type { AuthState, Phase, UpgradeState } from './state.ts'

// The only step that happens before the machine is loaded.

/** The first state with a session: what the record says, and the upgrade that waits. */
export function openState(state: AuthState, { view, waiting }: Found): AuthState {
  const phase = resting(waiting)
  return { ...state, ...view, phase, ...(phase !== 'ready' && { upgrade: waiting }) }
}

/** The waiting upgrade determines the phase at rest. */
export function resting({ conflict, pending, account }: UpgradeState): Phase {
  return conflict ? 'conflict' : pending || account ? 'pending' : 'ready'
}
