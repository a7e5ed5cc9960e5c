import type {
  DevtoolsControls,
  DevtoolsHook,
  DevtoolsInstance,
  DevtoolsRecord,
  DevtoolsRecorder,
} from '../client/shared/devtools.ts'
import type { AuthState } from '../machine/state.ts'

/** Number of events that are kept for each instance. */
const KEPT_EVENTS = 100

/** One event, with the state before it. */
export interface SeenEvent extends DevtoolsRecord {
  /** Undefined for the first event. */
  readonly before: AuthState | undefined
  /** Milliseconds since the page started: no clock that is set or simulated changes it. */
  readonly tick: number
}

/** The recorded data of one `createAuth` instance. */
export interface Observed {
  /** Its name, with a number if several instances have the same. */
  readonly label: string
  readonly instance: DevtoolsInstance
  /** The last events, newest first. */
  readonly events: readonly SeenEvent[]
  /** Returns the instance's time, in milliseconds since 1970. */
  now(): number
  /** Loads the controls; absent until the rest of the client has loaded. */
  load?: () => Promise<DevtoolsControls>
}

/** Everything recorded since the hook was installed. */
export interface Observer {
  readonly instances: readonly Observed[]
  /**
   * Calls `listener` after each event and each new instance. The call happens inside the app's operation, so it must
   * not throw.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: () => void): () => void
}

/** Installs the hook. An existing hook keeps receiving everything. */
export function observe(): Observer {
  const place = globalThis as { [key: symbol]: DevtoolsHook | undefined }
  const key = Symbol.for('latchkey.devtools')
  const earlier = place[key]
  const instances: Observed[] = []
  const listeners = new Set<() => void>()
  const tell = (): void => listeners.forEach((listener) => listener())

  place[key] = {
    register(instance) {
      const tellEarlier = earlier?.register(instance)
      const [seen, note] = follow(instance, instances)
      instances.push(seen)
      tell()
      const recorder: DevtoolsRecorder = (record) => {
        tellEarlier?.(record)
        note(record)
        tell()
      }
      const connect: DevtoolsRecorder['connect'] = (load) => {
        tellEarlier?.connect?.(load)
        seen.load = load
        tell()
      }
      return Object.assign(recorder, { connect })
    },
  }
  return {
    instances,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function follow(
  instance: DevtoolsInstance,
  others: readonly Observed[],
): [seen: Observed, note: (record: DevtoolsRecord) => void] {
  const { name, timing } = instance
  const same = others.filter((other) => other.instance.name === name).length
  const events: SeenEvent[] = []
  // The app may have passed its own clock.
  let ownClock = 0
  const corrected = (): number => Date.now() + timing.simulated + timing.skew
  const seen: Observed = {
    label: same ? `${name} (${same + 1})` : name,
    instance,
    events,
    now: () => corrected() + ownClock,
  }
  return [
    seen,
    (record) => {
      ownClock = record.at - corrected()
      events.unshift({ ...record, before: events[0]?.state, tick: performance.now() })
      events.length = Math.min(events.length, KEPT_EVENTS)
    },
  ]
}
