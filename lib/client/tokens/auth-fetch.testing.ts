import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { refusal } from '../../server/response.ts'
import type { Auth, AuthOptions } from '../auth.ts'
import { type TestBrowser, readPayload, testBrowser, watchedSuite } from '../client.testing.ts'

/** Loads a page up to a certain point. */
type Load = (browser: TestBrowser, options?: AuthOptions) => Promise<Auth>

/** Tests of `auth.fetch`, for every point at which a page may call it. */
export function describeFetch(load: Load): void {
  const APP = 'https://app.example'
  const server = vi.fn<(request: Request) => Response | Promise<Response>>()

  beforeEach(() => {
    vi.stubGlobal('location', new URL(APP))
    vi.stubGlobal('fetch', async (request: Request) => server(request))
    server.mockReset().mockImplementation(() => new Response('ok'))
  })
  afterEach(() => vi.unstubAllGlobals())

  function bearers(): (string | null)[] {
    return server.mock.calls.map(([request]) => request.headers.get('authorization'))
  }

  const unauthorized = (): Response => refusal('TOKEN_EXPIRED').response()

  describe('origins', () => {
    test("the page's own gets the bearer", async () => {
      const auth = await load(testBrowser())
      await auth.fetch(`${APP}/api/notes`)
      expect(bearers()).toEqual([`Bearer ${await auth.getToken()}`])
    })

    test("the page's own may have an audience on the list", async () => {
      const auth = await load(testBrowser(), { audiences: { [APP]: 'api' } })
      await auth.fetch(`${APP}/api/notes`)
      expect(readPayload(bearers()[0]!.slice(7))).toMatchObject({ aud: 'api' })
    })

    test('another one on the list gets a token with its own audience', async () => {
      const auth = await load(testBrowser(), { audiences: { 'https://api.example': 'api' } })
      await auth.fetch('https://api.example/notes')
      expect(readPayload(bearers()[0]!.slice(7))).toMatchObject({ aud: 'api' })
    })

    const others = [
      'https://evil.example/',
      'http://app.example/',
      'https://app.example:8443/',
      'https://app.example.evil/',
      'data:text/plain,x',
    ]
    for (const url of others) {
      test(`${url} is refused before anything is sent`, async () => {
        const auth = await load(testBrowser(), { audiences: { 'https://api.example': 'api' } })
        await expect(auth.fetch(url)).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
        expect(server).not.toHaveBeenCalled()
      })
    }

    test('one that the list only inherits is refused', async () => {
      const auth = await load(testBrowser(), {
        audiences: Object.create({ 'https://evil.example': 'evil' }) as Record<string, string>,
      })
      await expect(auth.fetch('https://evil.example/')).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
      expect(server).not.toHaveBeenCalled()
    })
  })

  test('tokenHeader carries the bearer, and Authorization stays as the app or a gateway set it', async () => {
    const auth = await load(testBrowser(), { tokenHeader: 'x-notes-authorization' })
    server.mockReturnValueOnce(unauthorized())
    await auth.fetch(`${APP}/api/notes`, { headers: { authorization: 'Basic c3RhZ2luZw==' } })
    expect(bearers()).toEqual(['Basic c3RhZ2luZw==', 'Basic c3RhZ2luZw=='])
    const sent = server.mock.calls.map(([request]) => request.headers.get('x-notes-authorization'))
    expect(sent[0]).toMatch(/^Bearer ./)
    expect(sent[1]).toBe(`Bearer ${await auth.getToken()}`)
  })

  test('anonymous sends no bearer (checklist 2: it can read)', async () => {
    const auth = await load(testBrowser(), { initialMode: 'anonymous' })
    await auth.fetch(`${APP}/api/notes`)
    expect(bearers()).toEqual([null])
  })

  describe('a cookie that the browser adds', () => {
    const API = 'https://api.example'
    const options: AuthOptions = { audiences: { [API]: 'api' } }
    const marks = (): (string | null)[] =>
      server.mock.calls.map(([request]) => request.headers.get('x-latchkey-anonymous'))

    test('does not count in a read without a token', async () => {
      const auth = await load(testBrowser(), { ...options, initialMode: 'anonymous' })
      await auth.fetch(`${APP}/api/notes`)
      expect(marks()).toEqual(['1'])
    })

    test('does not count in a write without a token, nor on another origin that the app sends it to', async () => {
      const auth = await load(testBrowser(), { ...options, initialMode: 'anonymous' })
      await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}' })
      await auth.fetch(`${API}/notes`, { credentials: 'include' })
      expect(marks()).toEqual(['1', '1'])
    })

    test('does not count either on a platform without a location, whose cookies go to any origin', async () => {
      const auth = await load(testBrowser(), { ...options, initialMode: 'anonymous' })
      vi.stubGlobal('location', undefined)
      await auth.fetch(`${API}/notes`)
      expect(marks()).toEqual(['1'])
    })

    test('goes to no other origin by default: such a request still needs no preflight', async () => {
      const auth = await load(testBrowser(), { ...options, initialMode: 'anonymous' })
      await auth.fetch(`${API}/notes`)
      expect(marks()).toEqual([null])
    })

    test('is not sent at all where the app follows redirects, whose end would need a preflight', async () => {
      const auth = await load(testBrowser(), { ...options, initialMode: 'anonymous' })
      await auth.fetch(`${APP}/files/1`, { redirect: 'follow' })
      await auth.fetch(`${APP}/files/1`, { redirect: 'follow', credentials: 'include' })
      expect(marks()).toEqual([null, '1'])
      expect(server.mock.calls.map(([{ credentials }]) => credentials)).toEqual(['omit', 'include'])
    })

    test('needs no mark beside a token', async () => {
      const auth = await load(testBrowser(), options)
      await auth.fetch(`${APP}/api/notes`)
      await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}' })
      await auth.fetch(`${API}/notes`, { credentials: 'include' })
      expect(marks()).toEqual([null, null, null])
    })
  })

  describe('a 401', () => {
    test('leads to one refresh and one retry, with the same body', async () => {
      const bodies: string[] = []
      server.mockImplementation(async (request) => {
        bodies.push(await request.text())
        return bodies.length === 1 ? unauthorized() : new Response('ok')
      })
      const browser = testBrowser()
      const auth = await load(browser)
      await auth.getToken()
      browser.clock.advance(60_000)
      const response = await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: 'text' })
      expect(response.status).toBe(200)
      expect(bodies).toEqual(['text', 'text'])
      expect(new Set(bearers()).size).toBe(2)
      expect(auth.getState().error).toBeUndefined()
    })

    test('twice sets the error, keeps the session and is handed to the caller (checklist 9: the error is set, the last session stays)', async () => {
      server.mockImplementation(unauthorized)
      const onTokenExpired = vi.fn()
      const auth = await load(testBrowser(), { onTokenExpired })
      const { session } = auth.getState()
      expect((await auth.fetch(`${APP}/api/notes`)).status).toBe(401)
      expect(server).toHaveBeenCalledTimes(2)
      expect(auth.getState()).toMatchObject({ error: 'expired', session })
      expect(onTokenExpired).toHaveBeenCalledTimes(1)
    })

    for (const [code, error] of [
      ['TOKEN_EXPIRED', 'expired'],
      ['PRINCIPAL_DISABLED', 'disabled'],
      ['TOKEN_SIGNATURE_INVALID', 'invalid'],
      ['CREDENTIAL_MISSING', 'invalid'],
    ] as const) {
      test(`${code} is shown as ${error} (checklist 8: optional error out of expired, missing, invalid, disabled)`, async () => {
        server.mockImplementation(() => refusal(code).response())
        const auth = await load(testBrowser())
        const response = await auth.fetch(`${APP}/api/notes`)
        expect(auth.getState().error).toBe(response.status === 401 ? error : undefined)
      })
    }

    test('with a reason that is none of ours counts as invalid', async () => {
      server.mockImplementation(
        () =>
          new Response(null, {
            status: 401,
            headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="whatever"' },
          }),
      )
      const auth = await load(testBrowser())
      await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState().error).toBe('invalid')
    })

    test('without a reason counts as invalid', async () => {
      server.mockImplementation(() => new Response(null, { status: 401 }))
      const auth = await load(testBrowser())
      await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState().error).toBe('invalid')
    })

    test('is forgiven by the next answer that is none', async () => {
      server.mockImplementation(unauthorized)
      const auth = await load(testBrowser())
      await auth.fetch(`${APP}/api/notes`)
      server.mockImplementation(() => new Response('ok'))
      await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState().error).toBeUndefined()
    })

    test('to a principal that was replaced meanwhile says nothing about the next one', async () => {
      const auth = await load(testBrowser())
      server.mockImplementation(async () => {
        if (server.mock.calls.length === 2) {
          await auth.signOut()
          await auth.ensureIdentity()
        }
        return unauthorized()
      })
      await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState()).toMatchObject({ authMode: 'local-first' })
      expect(auth.getState().error).toBeUndefined()
    })

    test('to a principal that was replaced meanwhile is never retried as the next one', async () => {
      const auth = await load(testBrowser())
      const { principal } = auth.getState().session!
      server.mockImplementation(async () => {
        await auth.importSecret(formatSecret(createSecret()), { replace: true })
        return unauthorized()
      })
      expect((await auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })).status).toBe(401)
      expect(bearers().map((bearer) => readPayload(bearer!.slice(7))['sub'])).toEqual([principal])
      expect(auth.getState().session?.principal).not.toBe(principal)
      expect(auth.getState().error).toBeUndefined()
    })
  })

  test('nothing is sent in the name of a user who came while it was prepared', async () => {
    const store = memoryStore()
    let during = async (): Promise<void> => {}
    const update: typeof store.update = async (updater) => {
      const written = await store.update(updater)
      await during()
      return written
    }
    const auth = await load(testBrowser(undefined, undefined, { ...store, update }))
    during = async () => {
      during = async () => {}
      await auth.importSecret(formatSecret(createSecret()), { replace: true })
    }
    await expect(auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect(server).not.toHaveBeenCalled()
  })

  test("a network failure is the caller's to see, and changes nothing", async () => {
    server.mockRejectedValue(new TypeError('failed'))
    const auth = await load(testBrowser())
    const state = auth.getState()
    await expect(auth.fetch(`${APP}/api/notes`)).rejects.toBeInstanceOf(TypeError)
    expect(auth.getState()).toBe(state)
  })

  describe('the first write', () => {
    test('is remembered before it is sent: the identity now holds something', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      server.mockImplementation(async () => {
        expect(await browser.store.read()).toMatchObject({ entries: [{ wrote: true }] })
        return new Response('ok')
      })
      await auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })
      expect(server).toHaveBeenCalledTimes(1)
    })

    test('is not sent before that is on the disk', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      const { update } = browser.store
      let write = (): void => {}
      const mayWrite = new Promise<void>((resolve) => (write = resolve))
      vi.spyOn(browser.store, 'update').mockImplementation(async (updater) => (await mayWrite, update(updater)))
      const answer = auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })
      for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
      expect(server).not.toHaveBeenCalled()
      write()
      await answer
      expect(server).toHaveBeenCalledTimes(1)
    })

    for (const [method, wrote] of Object.entries({
      GET: false,
      HEAD: false,
      OPTIONS: false,
      POST: true,
      PUT: true,
      PATCH: true,
      DELETE: true,
      PURGE: true,
    })) {
      test(`${wrote ? 'can be' : 'is no'} ${method}`, async () => {
        const browser = testBrowser()
        const auth = await load(browser)
        await auth.fetch(`${APP}/api/notes`, { method })
        expect(await browser.store.read()).toMatchObject({ entries: [{ wrote }] })
      })
    }
  })

  describe('one refused token', () => {
    test('leads to one new token, one look at the time and one report, however many requests it refused', async () => {
      const browser = testBrowser()
      const onTokenExpired = vi.fn()
      const auth = await load(browser, { onTokenExpired })
      const [token] = [await auth.getToken()]
      const getTime = vi.spyOn(browser.account.provider, 'getTime')
      browser.clock.advance(5000)
      const answers: (() => void)[] = []
      server.mockImplementation((request) => {
        if (request.headers.get('authorization') !== `Bearer ${token}`) return unauthorized()
        return new Promise((resolve) => answers.push(() => resolve(unauthorized())))
      })
      const requests = Array.from({ length: 8 }, () => auth.fetch(`${APP}/api/notes`))
      await vi.waitFor(() => expect(answers).toHaveLength(8), { timeout: 30_000 })
      for (const answer of answers) {
        answer()
        // The answers are spread in time: each comes after what the one before led to.
        browser.clock.advance(2000)
        for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
      }
      await Promise.all(requests)
      expect(new Set(bearers()).size).toBe(2)
      expect(getTime).toHaveBeenCalledTimes(1)
      expect(onTokenExpired).toHaveBeenCalledTimes(1)
    })

    test('does not throw away a newer one', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      const old = await auth.getToken()
      let answer = (): void => {}
      server.mockImplementation((request) =>
        request.headers.get('authorization') === `Bearer ${old}`
          ? new Promise((resolve) => (answer = () => resolve(unauthorized())))
          : new Response('ok'),
      )
      const late = auth.fetch(`${APP}/api/notes`)
      await vi.waitFor(() => expect(server).toHaveBeenCalled(), { timeout: 30_000 })
      browser.clock.advance(60_000)
      const newer = await auth.getToken({ fresh: true })
      browser.clock.advance(60_000)
      answer()
      expect((await late).status).toBe(200)
      expect(bearers()).toEqual([`Bearer ${old}`, `Bearer ${newer}`])
      expect(await auth.getToken()).toBe(newer)
    })
  })

  describe('a 401 that is not about the bearer', () => {
    const wrongPassword = (): Response => new Response('wrong password', { status: 401 })

    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      test(`does not send a ${method} twice, and changes no state`, async () => {
        server.mockImplementation(wrongPassword)
        const auth = await load(testBrowser())
        expect((await auth.fetch(`${APP}/api/confirm`, { method, body: '{}' })).status).toBe(401)
        expect(server).toHaveBeenCalledTimes(1)
        expect(auth.getState().error).toBeUndefined()
      })

    test('may hide its reason, as on another origin: a token that has expired by the time of the server is replaced', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      const first = await auth.getToken()
      vi.spyOn(browser.account.provider, 'getTime').mockResolvedValue(browser.clock.now() + 3_600_000)
      server.mockImplementation((request) =>
        request.headers.get('authorization') === `Bearer ${first}` ? wrongPassword() : new Response('ok'),
      )
      expect((await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}' })).status).toBe(200)
      expect(server).toHaveBeenCalledTimes(2)
    })
  })

  describe('an answer of another origin, after a redirect', () => {
    const redirected = (status: number): Response =>
      Object.defineProperties(new Response(null, { status, headers: { 'www-authenticate': 'Bearer error="x"' } }), {
        redirected: { value: true },
        url: { value: 'https://elsewhere.example/login' },
      })

    test('of 401 changes no state and is not repeated', async () => {
      server.mockImplementation(() => redirected(401))
      const auth = await load(testBrowser())
      const state = auth.getState()
      expect((await auth.fetch(`${APP}/api/notes`)).status).toBe(401)
      expect(server).toHaveBeenCalledTimes(1)
      expect(auth.getState()).toBe(state)
    })

    test('of 200 forgives nothing', async () => {
      const auth = await load(testBrowser())
      auth.reportToken('invalid')
      server.mockImplementation(() => redirected(200))
      await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState().error).toBe('invalid')
    })
  })

  describe('a redirect', () => {
    /** Two origins; `/away` of the first one leads to the second, and `/here` to another path of its own. */
    async function origins() {
      vi.unstubAllGlobals()
      const seen: (string | undefined)[] = []
      const foreign = createServer((request, response) => {
        seen.push(String(request.headers['x-app-token'] ?? request.headers.authorization))
        response.end()
      })
      const own = createServer(({ url, headers }, response) => {
        const location = { '/away': originOf(foreign), '/here': '/end' }[url!]
        if (location) response.writeHead(302, { location })
        response.end(String(headers['x-app-token'] ?? headers.authorization))
      })
      for (const each of [own, foreign]) await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => [own, foreign].forEach((each) => (each.closeAllConnections(), each.close())))
      return { origin: originOf(own), seen }
    }
    const originOf = (listening: Server): string => `http://127.0.0.1:${(listening.address() as AddressInfo).port}`

    test.each([undefined, 'x-app-token'])(
      "within the page's own origin is followed, to no other: %s",
      async (tokenHeader) => {
        const { origin, seen } = await origins()
        vi.stubGlobal('location', new URL(origin))
        const auth = await load(testBrowser(), { ...(tokenHeader && { tokenHeader }) })
        const answer = await auth.fetch(`${origin}/here`)
        expect(await answer.text()).toBe(`Bearer ${await auth.getToken()}`)
        await expect(auth.fetch(`${origin}/away`)).rejects.toBeInstanceOf(TypeError)
        await expect(auth.fetch(new Request(`${origin}/away`, { method: 'POST', body: '{}' }))).rejects.toThrow()
        expect(seen).toEqual([])
      },
    )

    test('of the first request of a page leads to no other origin', async () => {
      const { origin, seen } = await origins()
      vi.stubGlobal('location', new URL(origin))
      const auth = await load(testBrowser(), { tokenHeader: 'x-app-token' })
      await expect(auth.fetch(`${origin}/away`)).rejects.toBeInstanceOf(TypeError)
      expect(seen).toEqual([])
    })

    test('of another origin is refused where the token has a header of its own, which `fetch` would pass on', async () => {
      const { origin, seen } = await origins()
      vi.stubGlobal('location', new URL(APP))
      const auth = await load(testBrowser(), { tokenHeader: 'x-app-token', audiences: { [origin]: 'api' } })
      await expect(auth.fetch(`${origin}/away`)).rejects.toBeInstanceOf(TypeError)
      expect(seen).toEqual([])
      expect((await auth.fetch(`${origin}/end`)).ok).toBe(true)
    })

    test('of another origin carries no `Authorization` away, and the one that the app asks for is followed', async () => {
      const { origin, seen } = await origins()
      vi.stubGlobal('location', new URL(APP))
      const auth = await load(testBrowser(), { audiences: { [origin]: 'api' } })
      expect((await auth.fetch(`${origin}/away`)).redirected).toBe(true)
      vi.stubGlobal('location', new URL(origin))
      expect((await auth.fetch(`${origin}/away`, { redirect: 'follow' })).redirected).toBe(true)
      expect((await auth.fetch(`${origin}/away`, { redirect: 'manual' })).status).toBe(302)
      expect(seen).toEqual(['undefined', 'undefined'])
    })
  })

  describe("the caller's signal", () => {
    test('ends the wait for the store, and nothing is sent', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      vi.spyOn(browser.store, 'update').mockImplementation(() => new Promise(() => {}))
      const caller = new AbortController()
      const answer = auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}', signal: caller.signal })
      caller.abort(new Error('left'))
      await expect(answer).rejects.toThrow('left')
      expect(server).not.toHaveBeenCalled()
    })

    test('ends the wait for a token, and nothing is sent', async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      await auth.upgrade(() => browser.account.signUp('ada'))
      const getToken = vi.spyOn(browser.account.provider, 'getToken').mockImplementation(() => new Promise(() => {}))
      const caller = new AbortController()
      const answer = auth.fetch(`${APP}/api/notes`, { signal: caller.signal })
      await vi.waitFor(() => expect(getToken).toHaveBeenCalled(), { timeout: 30_000 })
      caller.abort(new Error('left'))
      await expect(answer).rejects.toThrow('left')
      expect(server).not.toHaveBeenCalled()
    })
  })

  test('a request that was aborted before it is sent leaves no rejection unhandled', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const auth = await load(testBrowser())
    const signal = AbortSignal.abort(new Error('left'))
    const answer = auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}', keepalive: true, signal })
    await expect(answer).rejects.toThrow('left')
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    expect([server.mock.calls.length, unhandled.mock.calls]).toEqual([0, []])
  })

  test('the referrer of a request is sent as the app asks', async () => {
    const auth = await load(testBrowser(), { audiences: { 'https://api.example': 'api' } })
    const given = { referrer: '', referrerPolicy: 'no-referrer' } as const
    await auth.fetch(`${APP}/api/notes`, given)
    await auth.fetch('https://api.example/notes', given)
    await auth.fetch(new Request(`${APP}/api/notes`, { method: 'POST', body: '{}', ...given }))
    const sent = server.mock.calls.map(([{ referrer, referrerPolicy }]) => [referrer, referrerPolicy])
    expect(sent).toEqual(sent.map(() => ['', 'no-referrer']))
    expect(sent).toHaveLength(3)
  })

  describe('a page that is being left', () => {
    /** Only what needs no further task arrives. */
    async function leave(work: () => Promise<unknown>): Promise<void> {
      void work().catch(() => {})
      for (let turn = 0; turn < 200; turn++) await Promise.resolve()
    }

    test("sends the device's first write, and the mark follows", async () => {
      const browser = testBrowser()
      const { crypto, firstSignature } = watchedSuite()
      const auth = await load(browser, { crypto })
      await auth.listIdentities()
      // The spare token is signed once the page is idle.
      await firstSignature
      for (let turn = 0; turn < 100; turn++) await Promise.resolve()
      await leave(() => auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}', keepalive: true }))
      expect(server).toHaveBeenCalledTimes(1)
      expect(bearers()[0]).toMatch(/^Bearer ey/)
      await expect.poll(() => browser.store.read()).toMatchObject({ entries: [{ wrote: true }] })
    })

    test("sends in a token's last minute", async () => {
      const browser = testBrowser()
      const auth = await load(browser)
      const token = await auth.getToken()
      await auth.listIdentities()
      const { exp } = readPayload(token!) as { exp: number }
      browser.clock.advance(exp * 1000 - browser.clock.now() - 30_000)
      await leave(() => auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}', keepalive: true }))
      expect(bearers()).toEqual([`Bearer ${token}`])
    })
  })

  test("what the browser's cache has of another identity is asked about first", async () => {
    const modes: string[] = []
    server.mockImplementation((request) => (modes.push(request.cache), new Response('ok')))
    const auth = await load(testBrowser())
    await auth.fetch(`${APP}/api/notes`)
    await auth.fetch(`${APP}/api/notes`, { cache: 'force-cache' })
    await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: '{}' })
    expect(modes).toEqual(['no-cache', 'force-cache', 'default'])
  })

  test('without an account server a wrong clock is corrected by the Date of the refusal', async () => {
    const browser = testBrowser()
    const auth = await load(browser, { account: undefined as never })
    const right = browser.clock.now() + 3_600_000
    server.mockImplementation((request) => {
      const { iat } = readPayload(request.headers.get('authorization')!.slice(7)) as { iat: number }
      if (Math.abs(iat * 1000 - right) < 60_000) return new Response('ok')
      const refused = unauthorized()
      refused.headers.set('date', new Date(right).toUTCString())
      return refused
    })
    expect((await auth.fetch(`${APP}/api/notes`)).status).toBe(200)
    expect(server).toHaveBeenCalledTimes(2)
    expect((await auth.fetch(`${APP}/api/notes`)).status).toBe(200)
    expect(server).toHaveBeenCalledTimes(3)
  })
}
