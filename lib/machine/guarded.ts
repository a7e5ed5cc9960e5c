/** Calls a callback and reports its errors, also asynchronous ones, so that it cannot break the caller. */
export async function guarded(callback: () => unknown): Promise<void> {
  try {
    await callback()
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}
