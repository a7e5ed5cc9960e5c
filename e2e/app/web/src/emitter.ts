/** Notifies listeners of changes. */
export interface Emitter {
  emit(): void
  /** @returns a function that ends the subscription */
  subscribe(listener: () => void): () => void
}

export function createEmitter(): Emitter {
  const listeners = new Set<() => void>()
  return {
    emit: () => listeners.forEach((listener) => listener()),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
