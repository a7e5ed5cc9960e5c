/**
 * Listens for events after which timers may have stood still or the network may be back: the page is shown or resumed,
 * the device is online. Works without a window or document.
 *
 * @param onWake - called with true if the network is back
 * @returns a function that stops listening
 */
export function listenForWakeEvents(onWake: (isOnline: boolean) => void): () => void {
  const heard = new AbortController()
  const { signal } = heard
  const { document } = globalThis as { document?: Document }
  globalThis.addEventListener?.('online', () => onWake(true), { signal })
  globalThis.addEventListener?.('pageshow', () => onWake(false), { signal })
  document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && onWake(false), {
    signal,
  })
  // A frozen page is resumed (Page Lifecycle).
  document?.addEventListener('resume', () => onWake(false), { signal })
  return () => heard.abort()
}
