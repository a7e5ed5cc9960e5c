// The name of this version and the list of its files: service-worker.ts writes them in at build time.
const { version, files } = __SHELL__
const CACHE = `shell-${version}`

/** How long the network may take to bring the page, in milliseconds. */
const NETWORK_TIMEOUT_MS = 3000

self.addEventListener('install', (event) => {
  event.waitUntil(store().then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOldCaches().then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || url.pathname.startsWith('/api/')) return
  event.respondWith(request.mode === 'navigate' ? openPage(request) : loadFile(request))
})

async function store() {
  const cache = await caches.open(CACHE)
  // Past the HTTP cache: a file from an earlier version would stay for ever. Names under /assets/ have their version.
  await cache.addAll(
    files.map((file) => new Request(file, { cache: file.startsWith('/assets/') ? 'default' : 'reload' })),
  )
}

/** The version before stays: a page that was opened with it may still load a chunk of its own. */
async function dropOldCaches() {
  const shells = (await caches.keys()).filter((name) => name.startsWith('shell-') && name !== CACHE)
  await Promise.all(shells.slice(0, -1).map((name) => caches.delete(name)))
}

/** From the network, so that a new version shows at once; from the cache where there is none, or a bad one. */
async function openPage(request) {
  const page = await Promise.race([fetch(request), networkTimeout()]).catch(() => undefined)
  if (page?.ok) return page
  return (await (await caches.open(CACHE)).match('/')) ?? page ?? Response.error()
}

function networkTimeout() {
  return new Promise((resolve) => setTimeout(resolve, NETWORK_TIMEOUT_MS))
}

async function loadFile(request) {
  const cache = await caches.open(CACHE)
  return (await cache.match(request)) ?? (await caches.match(request)) ?? fetch(request)
}
