/** Lets the app start without a network: registers the worker, and keeps what the page loads before it is there. */
export async function keepOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  try {
    await navigator.serviceWorker.register('/sw.js')
    await navigator.serviceWorker.ready
    const cache = await caches.open('app')
    await cache.add('/')
    const observer = new PerformanceObserver((list) => {
      for (const { name } of list.getEntries()) void keep(cache, new URL(name))
    })
    observer.observe({ type: 'resource', buffered: true })
  } catch {
    // Blocked, or the network went away: the next visit tries again.
  }
}

async function keep(cache: Cache, { origin, pathname, href }: URL): Promise<void> {
  if (origin !== location.origin || pathname.startsWith('/api/') || (await cache.match(href))) return
  await cache.add(href).catch(() => {})
}
