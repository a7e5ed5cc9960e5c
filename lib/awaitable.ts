/** A value, or a promise of it. */
export type Awaitable<Value> = Value | Promise<Value>

/** Returns true for a promise, of any library or realm. */
export function isPromise<Value>(value: Awaitable<Value>): value is Promise<Value> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Continues at once with a value that is at hand, and later with a promised one. On the path of every request, each
 * promise costs more than the checks between them.
 *
 * @returns the result of `proceed`: a promise only if there was one
 */
export function whenReady<Value, Result>(
  value: Awaitable<Value>,
  proceed: (value: Value) => Awaitable<Result>,
): Awaitable<Result> {
  return isPromise(value) ? value.then(proceed) : proceed(value)
}
