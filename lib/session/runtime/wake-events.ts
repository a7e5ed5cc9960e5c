/**
 * Listens for the moments at which timers may have stood still or the network may be back: the page is shown again, the
 * device is online. Works where there is no window: what does not exist is not listened to.
 *
 * @param onWake - called with whether the network is what came back
 * @returns a function that ends it
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
  // A frozen page goes on (Page Lifecycle).
  document?.addEventListener('resume', () => onWake(false), { signal })
  return () => heard.abort()
}
