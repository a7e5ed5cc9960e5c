// `node e2e/bench/page.mjs [rounds]`: from navigation to the first authorised answer in Chromium, with round trips of
// 100 ms, beside a page with Better Auth's anonymous plugin that keeps its user's id. Both talk to one server.
import { createServer } from 'node:http'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from '@playwright/test'
import { betterAuth } from 'better-auth'
import { toNodeHandler } from 'better-auth/node'
import { anonymous } from 'better-auth/plugins/anonymous'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { authenticate } from 'latchkey/node-http'
import SQLite from 'better-sqlite3'
import { build } from 'vite'
import { findBrowser, findShell } from '../tools/campaigns/browser.mjs'
import { migrate } from './accounts.mjs'
import { median } from './compare.mjs'

const ROUND_TRIP_MS = 100
const PAGES = /** @type {const} */ (['latchkey', 'better-auth'])

/** @typedef {{ identity: number, token: number, answer: number, status: number, mode: string }} Times */

/** @returns {Promise<Map<string, string>>} the script of each path, as Vite builds it for a page */
async function scripts() {
  const files = new Map()
  for (const page of PAGES) {
    const input = fileURLToPath(new URL(`entries/page-${page}.mjs`, import.meta.url))
    const built = await build({
      logLevel: 'silent',
      configFile: false,
      base: `/${page}/`,
      build: {
        write: false,
        modulePreload: false,
        rollupOptions: { input, output: { entryFileNames: `page-${page}.js` } },
      },
    })
    for (const { output } of /** @type {import('vite').Rollup.RollupOutput[]} */ ([built].flat()))
      for (const part of output) if (part.type === 'chunk') files.set(`/${page}/${part.fileName}`, part.code)
  }
  return files
}

/** @returns {Promise<{ origin: string, close(): void }>} */
async function serve() {
  const files = await scripts()
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const origin = `http://localhost:${port}`
  const auth = betterAuth({
    baseURL: origin,
    secret: 'a secret of at least thirty-two characters',
    database: new SQLite(':memory:'),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins: [anonymous(), latchkey(), latchkeyJwt()],
  })
  await migrate(auth)
  await auth.api.getJwks()
  const accounts = toNodeHandler(auth)
  const json = (/** @type {import('node:http').ServerResponse} */ response, /** @type {unknown} */ body) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const notes = authenticate(createBetterAuthResolver(auth, { audience: origin }), (_request, response, session) =>
    json(response, session.principal),
  )
  server.on('request', async (request, response) => {
    const path = request.url ?? ''
    const script = files.get(path)
    if (path.startsWith('/api/auth/')) return accounts(request, response)
    if (path === '/api/notes' && request.headers.authorization) return notes(request, response)
    if (path === '/api/notes') {
      const found = await auth.api.getSession({ headers: new Headers({ cookie: request.headers.cookie ?? '' }) })
      return found ? json(response, found.user.id) : response.writeHead(401).end()
    }
    if (script !== undefined)
      return response
        .writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'max-age=3600, immutable' })
        .end(script)
    const page = PAGES.find((name) => path === `/${name}`)
    if (!page) return response.writeHead(404).end()
    return response
      .writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' })
      .end(`<!doctype html><title>${page}</title><script type="module" src="/${page}/page-${page}.js"></script>`)
  })
  return {
    origin,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {string} url
 * @param {number} slowdown of the processor
 * @returns {Promise<Times>}
 */
async function visit(page, url, slowdown = 1) {
  const control = await page.context().newCDPSession(page)
  const network = { offline: false, latency: ROUND_TRIP_MS, downloadThroughput: -1, uploadThroughput: -1 }
  await control.send('Network.emulateNetworkConditions', network)
  await control.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  await page.goto(url, { waitUntil: 'load' })
  const times = await page.evaluate(
    () => /** @type {{ result: Promise<Times> }} */ (/** @type {any} */ (globalThis)).result,
  )
  await control.send('Emulation.setCPUThrottlingRate', { rate: 1 })
  await control.detach()
  if (times.status !== 200) throw new Error(`${url} was answered ${times.status}`)
  return times
}

/** Ends what the page still loads, so that the next visit finds all of it in the cache. @param {import('@playwright/test').Page} page */
async function rest(page) {
  await page.waitForLoadState('networkidle')
}

/**
 * A first visit and a second one of each page, in a new profile each time.
 *
 * @param {import('@playwright/test').Browser} browser
 * @param {string} origin
 * @param {(typeof PAGES)[number]} name
 */
async function round(browser, origin, name) {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    page.on('pageerror', (error) => console.error(error.message))
    const cold = await visit(page, `${origin}/${name}`)
    await rest(page)
    const warm = await visit(page, `${origin}/${name}`)
    await rest(page)
    if (name !== 'latchkey') return { cold, warm }
    await page.evaluate(async () => {
      const { auth, authClient } = /** @type {any} */ (globalThis)
      const email = `${crypto.randomUUID()}@example.com`
      await auth.upgrade(() => authClient.signUp.email({ email, password: 'correct horse battery', name: 'Ada' }))
      await auth.getToken()
    })
    const signedIn = await visit(page, `${origin}/${name}`)
    await rest(page)
    const slow = await visit(page, `${origin}/${name}`, 4)
    return { cold, warm, signedIn, slow }
  } finally {
    await context.close()
  }
}

/** @param {number} rounds */
export async function benchPage(rounds = 15) {
  const browser = await chromium.launch({ executablePath: findShell(findBrowser()) })
  const { origin, close } = await serve()
  try {
    /** @type {Record<string, Record<string, Times[]>>} */
    const found = { latchkey: {}, 'better-auth': {} }
    for (let index = 0; index <= rounds; index++)
      for (const name of index % 2 ? PAGES : PAGES.toReversed()) {
        const visits = await round(browser, origin, name)
        // The first round warms the server up.
        if (index) for (const [kind, times] of Object.entries(visits)) ((found[name] ??= {})[kind] ??= []).push(times)
      }
    print(found, rounds)
  } finally {
    await browser.close()
    close()
  }
}

/** @param {Record<string, Record<string, Times[]>>} found @param {number} rounds */
function print(found, rounds) {
  const of = (/** @type {string} */ name, /** @type {string} */ kind, /** @type {(times: Times) => number} */ pick) =>
    median((found[name]?.[kind] ?? []).map(pick))
  console.log(
    `\nA page in Chromium, ${ROUND_TRIP_MS} ms round trips, ms from navigation, medians of ${rounds} rounds in turn`,
  )
  for (const kind of ['cold', 'warm'])
    for (const field of /** @type {const} */ (['identity', 'token', 'answer'])) {
      const [ours, theirs] = [
        of('latchkey', kind, (times) => times[field]),
        of('better-auth', kind, (times) => times[field]),
      ]
      console.log(
        `  ${`${kind}: ${field}`.padEnd(20)}${ours.toFixed(0).padStart(6)}${theirs.toFixed(0).padStart(8)}   ${(ours / theirs).toFixed(2)} of Better Auth's`,
      )
    }
  for (const [kind, title] of [
    ['signedIn', 'warm, signed in'],
    ['slow', 'the same, processor 4 times slower'],
  ]) {
    const modes = new Set((found['latchkey']?.[kind ?? ''] ?? []).map(({ mode }) => mode))
    const time = of('latchkey', kind ?? '', ({ token, identity }) => token - identity)
    console.log(`  ${title} (${[...modes].join()}): token ${time.toFixed(1)} ms after the identity`)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await benchPage(Number(process.argv[2] ?? 15))
