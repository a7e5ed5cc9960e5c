/** Calls a callback and reports its errors, also asynchronous ones, so that it cannot break the caller. */
export const guarded: (callback: () => unknown) => void = async (callback) => {
  try {
    await callback()
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}
