import { guarded } from './guarded.ts'

/** The current public snapshot, and its listeners. */
export interface SnapshotHolder<Snapshot> {
  /** The public snapshot: deeply frozen, the same reference until something changes. */
  getState(): Snapshot
  /**
   * Calls `listener` with the snapshot after it changed. Errors of the listener are reported. A listener that is passed
   * twice has two subscriptions.
   *
   * @returns a function that ends this subscription
   */
  subscribe(listener: (snapshot: Snapshot) => void): () => void
  /** Replaces the snapshot. The listeners do not know until `notify`. */
  replace(next: Snapshot): void
  /** Calls the listeners. */
  notify(): void
}

/** Holds a snapshot, which a machine or a start without one replaces. */
export function holdSnapshot<Snapshot>(initial: Snapshot): SnapshotHolder<Snapshot> {
  const listeners = new Set<(snapshot: Snapshot) => void>()
  let current = freeze(initial)
  return {
    getState: () => current,
    subscribe(listener) {
      const own = (snapshot: Snapshot): void => listener(snapshot)
      listeners.add(own)
      return () => listeners.delete(own)
    },
    replace: (next) => (current = freeze(next)),
    notify() {
      for (const listener of [...listeners]) if (listeners.has(listener)) guarded(() => listener(current))
    },
  }
}

function freeze<Value>(value: Value): Value {
  // Primitives count as frozen.
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freeze)
  return value
}
