/** Fills an array with random bytes, as `getRandomValues` of `expo-crypto`. */
export type GetRandomValues = (bytes: Uint8Array<ArrayBuffer>) => unknown

/**
 * Adds to the engine what Latchkey needs and React Native lacks: a source of random bytes, and the reason of an
 * `AbortSignal` (React Native 0.83 and earlier).
 *
 * @throws {TypeError} the source of random bytes does not give any
 */
export function completeEngine(getRandomValues: GetRandomValues): void {
  completeCrypto(getRandomValues)
  completeAbortSignal()
}

function completeCrypto(getRandomValues: GetRandomValues): void {
  const scope = globalThis as { crypto?: { getRandomValues?: unknown } }
  scope.crypto ??= {}
  scope.crypto.getRandomValues ??= (bytes: Uint8Array<ArrayBuffer>) => {
    getRandomValues(bytes)
    return bytes
  }
  const [first, second] = [randomText(), randomText()]
  // A source that fills nothing, or fills it later, would give every device the same secret.
  if (first === second) throw new TypeError('getRandomValues: expected a function that fills an array synchronously')
}

function randomText(): string {
  return crypto.getRandomValues(new Uint8Array(16)).join()
}

function completeAbortSignal(): void {
  if ('throwIfAborted' in new AbortController().signal) return
  const reasons = new WeakMap<AbortSignal, unknown>()
  const { abort } = AbortController.prototype
  AbortController.prototype.abort = function (this: AbortController, reason: unknown = aborted()) {
    if (!this.signal.aborted) reasons.set(this.signal, reason)
    abort.call(this)
  }
  Object.defineProperties(Object.getPrototypeOf(new AbortController().signal), {
    reason: {
      configurable: true,
      get(this: AbortSignal) {
        return reasons.get(this)
      },
    },
    throwIfAborted: {
      configurable: true,
      value(this: AbortSignal) {
        if (this.aborted) throw this.reason
      },
    },
  })
}

function aborted(): Error {
  return Object.assign(new Error('This operation was aborted'), { name: 'AbortError' })
}
