/** Values that belong to objects without being part of them. */
export interface KeptBeside<Value> {
  /** Freezes an object and keeps a value for it. */
  put<Shown extends object>(shown: Shown, value: Value): Readonly<Shown>
  /** @throws {TypeError} the object is not one that `put` returned */
  of(shown: object): Value
}

/**
 * Keeps secrets out of the objects that apps show, log or keep in a state.
 *
 * @param maker - the name of the function that makes the objects, for the message
 */
export function keepBeside<Value>(maker: string): KeptBeside<Value> {
  const values = new WeakMap<object, Value>()
  return {
    put(shown, value) {
      values.set(shown, value)
      return Object.freeze(shown)
    },
    of(shown) {
      const value = values.get(shown)
      if (value === undefined) throw new TypeError(`expected an object from the same ${maker}()`)
      return value
    },
  }
}
