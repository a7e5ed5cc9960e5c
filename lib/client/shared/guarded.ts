/** Calls an app's callback; what it throws is the app's, and must not break the machine. */
export function guarded(callback: () => unknown): void {
  try {
    callback()
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}
