// Files with a hash in their name never change. Everything else comes from the network while there is one.
const HASHED = /^\/(assets|_app\/immutable|_next\/static|_nuxt)\//
const KEPT = 200

addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))

addEventListener('fetch', (event) => {
  const { method, url, mode } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== 'GET' || origin !== location.origin || pathname.startsWith('/api/')) return
  event.respondWith(HASHED.test(pathname) ? cacheFirst(event.request) : networkFirst(event.request, mode))
})

async function cacheFirst(request) {
  return (await caches.match(request)) ?? load(request)
}

async function networkFirst(request, mode) {
  try {
    return await load(request)
  } catch (error) {
    const kept = (await caches.match(request)) ?? (mode === 'navigate' && (await caches.match('/')))
    if (kept) return kept
    throw error
  }
}

async function load(request) {
  const response = await fetch(request)
  // Without space the network still answers. A part of a file cannot be kept.
  if (response.status === 200 && response.type === 'basic') await keep(request, response.clone()).catch(() => {})
  return response
}

/** The oldest files go first. */
async function keep(request, response) {
  const cache = await caches.open('app')
  await cache.put(request, response)
  const keys = await cache.keys()
  await Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT)).map((key) => cache.delete(key)))
}
