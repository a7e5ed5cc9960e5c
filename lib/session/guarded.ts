/** Calls an app's callback; what it throws, now or later, is the app's, and must not break the session. */
export function guarded(callback: () => unknown): void {
  const show = (error: unknown): void => (globalThis.reportError ?? console.error)(error)
  try {
    Promise.resolve(callback()).catch(show)
  } catch (error) {
    show(error)
  }
}
