import { guarded } from './guarded.ts'
import type { SnapshotHolder } from './snapshot.ts'

/** One processed event. */
export interface MachineStep<State, Event, Effect> {
  readonly event: Event
  readonly before: State
  readonly state: State
  /** The effects that the transition returned, in order. */
  readonly effects: readonly Effect[]
}

/** The parts that define a machine. */
export interface MachineParts<State, Event, Effect, Snapshot> {
  readonly initial: State
  /** Pure. Returns the next state and the effects to perform. Returns the same state object if nothing changed. */
  transition(state: State, event: Event): readonly [State, ...Effect[]]
  /** Performs one effect. Errors are reported, and the other effects are still performed. */
  perform(effect: Effect, step: MachineStep<State, Event, Effect>): unknown
  /**
   * Derives the public snapshot. Returns `shown`, the current one, if it is still correct. Defaults to the state
   * itself.
   */
  readonly show?: (state: State, shown: Snapshot) => Snapshot
  /** Where the snapshot is held: at first, the one of the initial state. */
  readonly holder: SnapshotHolder<Snapshot>
  /** Called for each event, after its transition and before its effects. For developer tools. */
  readonly record?: (step: MachineStep<State, Event, Effect>) => void
}

/** A running machine. Listeners are called once all queued events are processed. */
export interface Machine<State, Event, Snapshot> extends Pick<SnapshotHolder<Snapshot>, 'getState' | 'subscribe'> {
  /** The internal state. */
  state(): State
  /**
   * Processes an event: the transition, then its effects. An event that an effect dispatches is queued until this one
   * is done.
   */
  dispatch(event: Event): void
}

/** Creates a machine in its initial state. It does nothing before the first event. */
export function createMachine<State, Event, Effect, Snapshot = State>({
  initial,
  transition,
  perform,
  show = (state) => state as unknown as Snapshot,
  holder,
  record,
}: MachineParts<State, Event, Effect, Snapshot>): Machine<State, Event, Snapshot> {
  const { getState, subscribe } = holder
  const queue: Event[] = []
  let state = initial

  function run(event: Event): void {
    const before = state
    const [next, ...effects] = transition(before, event)
    state = next
    holder.replace(show(state, getState()))
    const step = { event, before, state, effects }
    guarded(() => record?.(step))
    for (const effect of effects) guarded(() => perform(effect, step))
  }

  return {
    state: () => state,
    getState,
    subscribe,
    dispatch(event) {
      // The event that is being processed stays in the queue, so later ones wait.
      if (queue.push(event) > 1) return
      const before = getState()
      for (const next of queue) guarded(() => run(next))
      queue.length = 0
      if (getState() !== before) holder.notify()
    },
  }
}
