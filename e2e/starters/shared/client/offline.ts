/** Lets the app start without a network. In development there is nothing to keep. */
export async function keepOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  try {
    await navigator.serviceWorker.register('/sw.js')
    await navigator.serviceWorker.ready
    // What the first visit loaded before the worker was there.
    const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name))
    const own = loaded.filter(({ origin, pathname }) => origin === location.origin && !pathname.startsWith('/api/'))
    const cache = await caches.open('app')
    await cache.addAll(['/', ...new Set(own.map(({ href }) => href))])
  } catch {
    // Blocked, or the network went away: the next visit tries again.
  }
}
