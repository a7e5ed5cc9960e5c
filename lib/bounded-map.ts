/** A map that evicts its oldest entry when it is full. */
export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #most: number

  /** @param most - largest number of entries; 0 stores none */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  /** Returns the value of a key. */
  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  /** Sets the value of a key. */
  set(key: Key, value: Value): void {
    if (this.#most === 0) return
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!)
  }

  /** Deletes a key. */
  delete(key: Key): void {
    this.#entries.delete(key)
  }
}
