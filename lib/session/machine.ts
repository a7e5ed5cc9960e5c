import { type Core, INITIAL_CORE, type SessionEffect, type SessionEvent, type World } from './core.ts'
import { guarded } from './guarded.ts'
import { type SessionState, stateOf } from './state.ts'
import { step } from './transition.ts'

/** A running session: what it remembers, and the way to change it. */
export interface Machine {
  core(): Core
  getState(): SessionState
  subscribe(listener: () => void): () => void
  /** Runs one event through the steps and performs their effects. */
  dispatch(event: SessionEvent): void
  /** Lets nothing out any more, although events may still be queued; until the next start. */
  halt(): void
}

/** What calls into the app, the sink or `auth`. */
const OUTWARD: readonly SessionEffect['do'][] = ['connect', 'update', 'hold', 'refresh', 'reject', 'accept', 'report']

/** Makes a machine that was not started. */
export function createMachine(world: () => World, perform: (effect: SessionEffect) => void): Machine {
  const listeners = new Set<() => void>()
  const queue: SessionEvent[] = []
  let core = INITIAL_CORE
  let state = stateOf(core)
  let isRunning = false
  let isHalted = false

  function run(event: SessionEvent): void {
    if (event.type === 'started') isHalted = false
    const [next, ...effects] = step(core, event, world())
    core = next
    state = stateOf(core, state)
    for (const effect of effects) if (!isHalted || !OUTWARD.includes(effect.do)) perform(effect)
  }

  return {
    core: () => core,
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    dispatch(event) {
      queue.push(event)
      // What the sink or the app does inside an effect waits for its turn.
      if (isRunning) return
      const before = state
      isRunning = true
      for (let next = queue.shift(); next; next = queue.shift()) run(next)
      isRunning = false
      if (state !== before) for (const listener of [...listeners]) guarded(listener)
    },
    halt: () => void (isHalted = true),
  }
}
