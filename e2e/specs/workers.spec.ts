import type { Page, Worker } from '@playwright/test'
import type { AuthOptions, CryptoSuite } from 'latchkey'
import type { Device } from 'latchkey/playwright'
import { createTokenVerifier } from 'latchkey/server'
import type { Scope } from '../harness/workers/scope.ts'
import type { startWorkers } from '../tools/servers/workers.mjs'
import { complaintsOf } from '../support/console.ts'
import { expect, test } from '../support/servers.ts'

type Place = Page | Worker
type Site = Awaited<ReturnType<typeof startWorkers>>

/** Both are what apps use: a classic script is the default, modules came later. */
const SERVICE_WORKER_TYPES = ['classic', 'module'] as const

async function startService({ page, context }: Device, script: string, type: WorkerType): Promise<Worker> {
  const started = context.waitForEvent('serviceworker')
  await page.evaluate(
    async ([path, kind]) => {
      await navigator.serviceWorker.register(path, { type: kind })
      await navigator.serviceWorker.ready
    },
    [script, type] as const,
  )
  return started
}

async function startDedicated({ page }: Device): Promise<Worker> {
  const started = page.waitForEvent('worker')
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker('/dedicated.js', { type: 'module' })
        worker.onmessage = resolve
      }),
  )
  return started
}

/** A page, a dedicated worker and a service worker of one device, each with the library loaded and nothing opened. */
async function startAll(
  device: Device,
  workerPages: Site,
  type: WorkerType = 'classic',
): Promise<{ page: Page; dedicated: Worker; service: Worker }> {
  await device.page.goto(workerPages.url)
  return {
    page: device.page,
    dedicated: await startDedicated(device),
    service: await startService(device, '/service.js', type),
  }
}

/** Opens the identity and tells what it is; a token where there is one. */
async function open(place: Place, options: AuthOptions = {}): Promise<{ principal?: string; token: string | null }> {
  return (place as Worker).evaluate(async (given) => {
    const auth = (scope.auth = scope.createAuth(given))
    await auth.ready
    return { principal: auth.getState().session?.principal, token: await auth.getToken() } as {
      principal?: string
      token: string | null
    }
  }, options)
}

for (const type of SERVICE_WORKER_TYPES) {
  test(`page, dedicated worker and ${type} service worker have one identity, and a server takes the token of each`, async ({
    device,
    workerPages,
  }) => {
    const visitor = await device()
    const places = await startAll(visitor, workerPages, type)
    const complaints = Object.values(places).map((place) => complaintsOf(place))
    const verifier = createTokenVerifier({ audience: workerPages.url })
    const seen = new Set<string>()
    // The service worker first: it needs no page to have an identity.
    for (const place of [places.service, places.dedicated, places.page]) {
      const { principal, token } = await open(place)
      await expect(verifier.verify(token!)).resolves.toMatchObject({ principal })
      seen.add(principal!)
    }
    expect(seen.size).toBe(1)
    expect(complaints.flat()).toEqual([])
  })
}

test("workers have their device's clock, from the start and when time passes", async ({ device, workerPages }) => {
  const hour = 3_600_000
  const visitor = await device({ clockOffset: hour, workers: ['**/dedicated.js', '**/service.js'] })
  const places = Object.values(await startAll(visitor, workerPages))
  const hoursAhead = (at: number): number => Math.round((at - Date.now()) / hour)
  for (const place of places) {
    const { token } = await open(place)
    const { iat } = JSON.parse(Buffer.from(token!.split('.')[1]!, 'base64url').toString()) as { iat: number }
    expect(hoursAhead(iat * 1000)).toBe(1)
  }
  const fired = places.map((place) =>
    (place as Worker).evaluate(
      (delay) => new Promise<number>((resolve) => setTimeout(() => resolve(+new Date()), delay)),
      hour,
    ),
  )
  await Promise.all(places.map((place) => (place as Worker).evaluate(() => null)))
  await visitor.passTime(hour)
  expect((await Promise.all(fired)).map(hoursAhead)).toEqual([2, 2, 2])
})

test('page, dedicated worker and service worker started at once make one identity, six rounds', async ({
  device,
  workerPages,
}) => {
  test.slow()
  for (let round = 0; round < 6; round++) {
    const visitor = await device()
    const places = Object.values(await startAll(visitor, workerPages, SERVICE_WORKER_TYPES[round % 2]))
    const referee = await visitor.newTab(workerPages.url)
    const released = referee.evaluate(
      (count) =>
        new Promise<void>((resolve) => {
          const barrier = new BroadcastChannel('barrier')
          let waiting = 0
          barrier.onmessage = () => {
            if (++waiting < count) return
            barrier.postMessage('go')
            resolve()
          }
          document.title = 'referee'
        }),
      places.length,
    )
    await referee.waitForFunction(() => document.title === 'referee')
    const opening = places.map((place) =>
      (place as Worker).evaluate(async () => {
        await scope.held()
        const auth = scope.createAuth()
        await auth.ready
        return auth.getState().session?.principal
      }),
    )
    await released
    const principals = await Promise.all(opening)
    expect(principals[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Set(principals).size).toBe(1)
    await visitor.close()
  }
})

for (const actor of ['page', 'dedicated', 'service'] as const) {
  test(`a sign-out and the next identity reach everybody, from: ${actor}`, async ({ device, workerPages }) => {
    const places = await startAll(await device(), workerPages)
    const before = await Promise.all(Object.values(places).map((place) => open(place)))
    expect(new Set(before.map(({ principal }) => principal)).size).toBe(1)

    await (places[actor] as Worker).evaluate(() => scope.auth!.signOut())
    for (const place of Object.values(places)) {
      const after = (place as Worker).evaluate(async () => {
        await scope.until(scope.auth!, 'anonymous')
        return { session: scope.auth!.getState().session, token: await scope.auth!.getToken() }
      })
      expect(await after).toEqual({ session: null, token: null })
    }

    const next = await (places[actor] as Worker).evaluate(async () => (await scope.auth!.ensureIdentity()).principal)
    expect(next).not.toBe(before[0]!.principal)
    const verifier = createTokenVerifier({ audience: workerPages.url })
    for (const place of Object.values(places)) {
      const token = (place as Worker).evaluate(async () => {
        await scope.until(scope.auth!, 'local-first')
        return scope.auth!.getToken()
      })
      await expect(verifier.verify((await token)!)).resolves.toMatchObject({ principal: next })
    }
  })
}

test('an upgrade in the page reaches the workers; one with the account has its token, one without says what is missing', async ({
  device,
  workerPages,
}) => {
  const { page, dedicated, service } = await startAll(await device(), workerPages)
  const { principal } = await open(page)
  await open(service)
  await dedicated.evaluate(async (owner) => {
    scope.account = scope.accountOf(() => owner!)
    scope.auth = scope.createAuth({ account: scope.account })
    await scope.auth.ready
  }, principal)
  const outcome = await page.evaluate(async (owner) => {
    const account = scope.accountOf(() => owner!)
    const auth = scope.createAuth({ account })
    return (await auth.upgrade(() => (account.isSignedIn = true))).outcome
  }, principal)
  expect(outcome).toBe('upgraded')
  // Not before: what looks for a session outside may find it first.
  await dedicated.evaluate(() => void (scope.account!.isSignedIn = true))
  const ask = (place: Worker) =>
    place.evaluate(async () => {
      await scope.until(scope.auth!, 'external')
      const answer = await scope.auth!.getToken().catch((error: { code: string }) => error.code)
      return { principal: scope.auth!.getState().session?.principal, answer }
    })
  expect(await ask(service)).toEqual({ principal, answer: 'SESSION_MISSING' })
  const { answer, ...session } = await ask(dedicated)
  expect(session).toEqual({ principal })
  expect(JSON.parse(atob(answer!.split('.')[1]!))).toMatchObject({ sub: principal })
})

test('a service worker that the browser stopped comes back with the same identity, or with none after a sign-out', async ({
  device,
  workerPages,
}) => {
  const { page, context, ...visitor } = await device()
  await page.goto(workerPages.url)
  const service = await startService({ page, context, ...visitor }, '/service.js', 'classic')
  const { principal } = await open(service)
  const browser = await context.newCDPSession(page)
  await browser.send('ServiceWorker.enable')
  const restart = async (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => {
      browser.on(
        'ServiceWorker.workerVersionUpdated',
        ({ versions }) => versions.some(({ runningStatus }) => runningStatus === 'stopped') && resolve(),
      )
    })
    await browser.send('ServiceWorker.stopAllWorkers')
    await stopped
    await page.evaluate(async () => {
      const awake = new Promise((resolve) => (navigator.serviceWorker.onmessage = resolve))
      const { active } = await navigator.serviceWorker.ready
      active!.postMessage('wake up')
      await awake
    })
    expect(await service.evaluate(() => scope.auth === undefined)).toBe(true)
  }
  await restart()
  expect(await open(service)).toMatchObject({ principal })
  await open(page)
  await page.evaluate(() => scope.auth!.signOut())
  await restart()
  expect(await open(service)).toEqual({ token: null })
})

declare global {
  /** In the service worker that has it. */
  interface ScopeWithNoble extends Scope {
    readonly nobleSuite: CryptoSuite
  }
}

/** What a person does in a life, all in one place. */
async function liveThere(place: Worker, isNoble: boolean): Promise<Record<string, unknown>> {
  return place.evaluate(async (noble) => {
    const account = scope.accountOf(() => principal)
    const auth = scope.createAuth({
      account,
      initialMode: 'anonymous',
      ...(noble && { crypto: (scope as ScopeWithNoble).nobleSuite }),
    })
    await auth.ready
    const { principal } = await auth.ensureIdentity()
    const token = await auth.getToken()
    const key = await auth.deriveKey('notes')
    await auth.markWritten()
    const response = await auth.fetch('/anything')
    const { outcome } = await auth.upgrade(() => (account.isSignedIn = true))
    const { authMode } = auth.getState()
    await auth.signOut()
    const resumed = await auth.ensureIdentity({ resume: principal })
    return {
      principal,
      token,
      key: key.length,
      status: response.status,
      outcome,
      authMode,
      proofs: account.proofs.length,
      resumed: resumed.principal,
    }
  }, isNoble)
}

/** As in an engine without Ed25519 in WebCrypto. */
async function refuseEd25519(place: Worker): Promise<void> {
  await place.evaluate(() => {
    const importKey = crypto.subtle.importKey.bind(crypto.subtle)
    crypto.subtle.importKey = ((...given: Parameters<typeof importKey>) =>
      given[2] === 'Ed25519'
        ? Promise.reject(new DOMException('refused', 'NotSupportedError'))
        : importKey(...given)) as typeof importKey
  })
}

for (const [script, type, isNoble] of [
  ['/service.js', 'classic', false],
  ['/service.js', 'module', false],
  ['/service-noble.js', 'classic', true],
  ['/service-noble.js', 'module', true],
] as const) {
  test(`a ${type} service worker lives a whole life without import(): ${script}`, async ({ device, workerPages }) => {
    const visitor = await device()
    await visitor.page.goto(workerPages.url)
    const service = await startService(visitor, script, type)
    const complaints = complaintsOf(service)
    // It would be refused, and the script still has one in it: the way to @noble in a page.
    expect(await (await visitor.context.request.get(workerPages.url + script)).text()).toMatch(/\bimport\(`\.\/noble/)
    // oxlint-disable-next-line no-eval -- written as text: a bundler would follow it
    const refusal = service.evaluate(() => (0, eval)("import('/page.js')").catch((error: Error) => error.message))
    expect(await refusal).toContain('disallowed on ServiceWorkerGlobalScope')
    if (isNoble) await refuseEd25519(service)

    const { token, principal, ...life } = await liveThere(service, isNoble)
    await expect(createTokenVerifier({ audience: workerPages.url }).verify(token as string)).resolves.toMatchObject({
      principal,
    })
    expect(life).toEqual({
      key: 32,
      status: 200,
      outcome: 'upgraded',
      authMode: 'external',
      proofs: 1,
      resumed: principal,
    })
    // The page has WebCrypto, and the same identity.
    expect((await open(visitor.page)).principal).toBe(principal)
    expect(complaints).toEqual([])
  })
}

test('a service worker without Ed25519 that was given no fallback says so, and neither makes nor changes an identity', async ({
  device,
  workerPages,
}) => {
  const visitor = await device()
  await visitor.page.goto(workerPages.url)
  const service = await startService(visitor, '/service.js', 'classic')
  await refuseEd25519(service)
  const first = await service.evaluate(async () => {
    const auth = scope.createAuth()
    await auth.ready
    const refusal = await auth.ensureIdentity().catch((error: { code: string }) => error.code)
    auth.close()
    return { session: auth.getState().session, refusal }
  })
  expect(first).toEqual({ session: null, refusal: 'CRYPTO_UNAVAILABLE' })

  const { principal } = await open(visitor.page)
  const second = await service.evaluate(async () => {
    const auth = scope.createAuth()
    await auth.ready
    return {
      principal: auth.getState().session?.principal,
      refusal: await auth.getToken().catch((error: { code: string }) => error.code),
    }
  })
  expect(second).toEqual({ principal, refusal: 'CRYPTO_UNAVAILABLE' })
  expect(workerPages.requests.filter((path) => path.includes('/noble'))).toEqual([])
})

test('a worker from a blob has the origin of its page; one without an origin has to be told an audience', async ({
  device,
  workerPages,
}) => {
  const { page } = await device()
  await page.goto(workerPages.url)
  await open(page)
  const started = page.waitForEvent('worker')
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const url = URL.createObjectURL(
          new Blob([`import '${location.origin}/dedicated.js'`], { type: 'text/javascript' }),
        )
        const worker = new Worker(url, { type: 'module' })
        worker.onmessage = resolve
      }),
  )
  const { principal, token } = await open(await started)
  await expect(createTokenVerifier({ audience: workerPages.url }).verify(token!)).resolves.toMatchObject({ principal })

  const opaque = await page.evaluate(async () => {
    const code = await (await fetch('/service.js')).text()
    const ask = `${code}
      ;(async () => {
        let record
        const keystore = { durability: 'ephemeral', read: async () => record, update: async (change) => (record = change(record)), close() {} }
        const stored = scope.createAuth(), kept = scope.createAuth({ keystore }), told = scope.createAuth({ keystore, audience: 'https://notes.example' })
        await Promise.all([stored.ready, kept.ready, told.ready])
        postMessage({
          origin: location.origin,
          problem: stored.getState().storage.problem,
          untold: await kept.getToken().catch(String),
          told: await told.getToken(),
        })
      })()`
    const worker = new Worker(`data:text/javascript,${encodeURIComponent(ask)}`)
    return new Promise<{ origin: string; problem: string; untold: string; told: string }>(
      (resolve) => (worker.onmessage = ({ data }) => resolve(data)),
    )
  })
  expect(opaque).toMatchObject({
    origin: 'null',
    problem: 'KEYSTORE_OPAQUE',
    untold: 'TypeError: audience: required',
  })
  await expect(createTokenVerifier({ audience: 'https://notes.example' }).verify(opaque.told)).resolves.toBeTruthy()
})
