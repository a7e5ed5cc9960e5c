/** Calls a callback and reports its errors, also asynchronous ones, so that it cannot break the caller. */
export function guarded(callback: () => unknown): void {
  const report = (error: unknown): void => (globalThis.reportError ?? console.error)(error)
  try {
    Promise.resolve(callback()).catch(report)
  } catch (error) {
    report(error)
  }
}
