import { admin, bearer } from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { codeOf, post } from '../testing/requests.testing.ts'
import { type TestBrowser, type TestServer, person } from '../testing/server.testing.ts'

type Fetch = (path: string, options?: object) => Promise<unknown>

afterEach(() => vi.restoreAllMocks())

/** Lets the next statement about one session fail that deletes it, or that reads it before it is deleted. */
function failOnce({ adapter }: TestServer, method: 'delete' | 'findMany'): void {
  type Query = Parameters<typeof adapter.findMany>[0]
  const call = adapter[method] as (query: Query) => Promise<unknown>
  const fail = vi.spyOn(adapter, method)
  fail.mockImplementation(async (query: Query): Promise<never> => {
    if (query.model !== 'session' || query.where?.[0]?.field !== 'token') return (await call(query)) as never
    fail.mockImplementation(call as never)
    throw new Error('connection lost')
  })
}

/** Returns the statuses of the responses to requests for a path, from now on. */
function statusesOf(browser: TestBrowser, path: string): number[] {
  const statuses: number[] = []
  Object.defineProperty(browser, 'intercept', {
    configurable: true,
    get: () => async (request: Request, forward: () => Promise<Response>) => {
      const response = await forward()
      if (request.url.endsWith(path)) statuses.push(response.status)
      return response
    },
    set() {},
  })
  return statuses
}

onEachEngine((newServer) => {
  /** An admin who signed up here and acts as Bob. */
  async function impersonating() {
    const server = await newServer({ plugins: [admin()] })
    await server.browser().send('/sign-up/email', post(person('bob')))
    const bob = (await server.rows('user'))[0]!
    await server.change('session', { expiresAt: new Date(0) })
    const browser = server.browser()
    const auth = await load(browser)
    const request = (path: string, body: object) => (browser.client.$fetch as Fetch)(path, { method: 'POST', body })
    expect(await auth.upgrade(() => request('/sign-up/email', person('root')))).toMatchObject({ outcome: 'upgraded' })
    await server.change('user', { role: 'admin' }, { email: person('root').email })
    expect(await request('/admin/impersonate-user', { userId: bob['id'] })).toMatchObject({ error: null })
    const living = async (): Promise<unknown[]> =>
      (await server.rows('session')).filter(({ expiresAt }) => (expiresAt as Date).getTime() > Date.now())
    expect(await living()).toHaveLength(2)
    // However long a response takes: the sessions are older than the sign-out.
    await server.change('session', { createdAt: new Date(Date.now() - 3_600_000) })
    return { server, browser, auth, request, living }
  }
  const outboxOf = async ({ store }: TestBrowser) => ((await store.read()) as Keyring).outbox

  describe('a sign-out while an admin impersonates a user', () => {
    test('ends both sessions, and offers neither to the next person', async () => {
      const { browser, auth, living } = await impersonating()
      await auth.signOut()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await living()).toEqual([])
      expect([...browser.cookies.keys()].filter((name) => name.includes('admin'))).toEqual([])
      const next = await browser.load()
      await settled(next, { phase: 'ready', authMode: 'anonymous' })
      expect(next.getState().upgrade?.account).toBeUndefined()
    })

    test.each(['delete', 'findMany'] as const)(
      "ends both, also if a statement about the admin's fails: %s",
      async (method) => {
        const { server, browser, auth, living } = await impersonating()
        const statuses = statusesOf(browser, '/sign-out')
        vi.spyOn(console, 'error').mockImplementation(() => {})
        failOnce(server, method)
        await auth.signOut()
        await expect.poll(() => statuses, { timeout: 30_000 }).toEqual([500])
        auth.close()
        const next = await browser.load()
        await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
        expect(await living()).toEqual([])
        await settled(next, { phase: 'ready', authMode: 'anonymous' })
        next.close()
      },
    )

    test.each([
      ['502', () => new Response(null, { status: 502 })],
      ['429', () => new Response(null, { status: 429 })],
      ['401', () => Response.json({ message: 'Unauthorized' }, { status: 401 })],
      ['a page', () => new Response('<title>Hotel</title>', { headers: { 'content-type': 'text/html' } })],
    ])('ends both sessions, also if something in front first answers with %s', async (_, answer) => {
      const { browser, auth, living } = await impersonating()
      const sent: string[] = []
      Object.defineProperty(browser, 'intercept', {
        configurable: true,
        get: () => (request: Request, forward: () => Promise<Response>) => {
          const isSignOut = request.url.endsWith('/sign-out')
          return !isSignOut || sent.push(request.url) > 1 ? forward() : Promise.resolve(answer())
        },
        set() {},
      })
      await auth.signOut()
      await expect.poll(() => sent.length, { timeout: 30_000 }).toBeGreaterThan(0)
      auth.close()
      const next = await browser.load()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await living()).toEqual([])
      expect(sent).toHaveLength(2)
      await settled(next, { phase: 'ready', authMode: 'anonymous' })
      next.close()
    })

    test('ends both sessions, also if the response is lost', async () => {
      const { browser, auth, living } = await impersonating()
      const sent: string[] = []
      Object.defineProperty(browser, 'intercept', {
        configurable: true,
        get: () => async (request: Request, forward: () => Promise<Response>) => {
          if (!request.url.endsWith('/sign-out') || sent.push(request.url) > 1) return forward()
          const kept = [...browser.cookies]
          await forward()
          browser.cookies.clear()
          for (const [name, value] of kept) browser.cookies.set(name, value)
          throw new TypeError('fetch failed')
        },
        set() {},
      })
      await auth.signOut()
      await expect.poll(() => sent.length, { timeout: 30_000 }).toBeGreaterThan(0)
      auth.close()
      const next = await browser.load()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await living()).toEqual([])
      next.close()
    })

    test('ends the session of the user if the admin has none any more', async () => {
      const { server, browser, auth, living } = await impersonating()
      const bob = (await server.rows('session')).find(({ impersonatedBy }) => impersonatedBy !== null)!
      await server.adapter.deleteMany({
        model: 'session',
        where: [{ field: 'id', operator: 'ne', value: String(bob['id']) }],
      })
      await auth.signOut()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await living()).toEqual([])
      auth.close()
    })

    test('is not delivered by something in front of the server', async () => {
      const { browser, auth, living } = await impersonating()
      Object.defineProperty(browser, 'intercept', {
        configurable: true,
        get: () => (request: Request, forward: () => Promise<Response>) =>
          request.url.endsWith('/sign-out')
            ? Promise.resolve(new Response('<title>Hotel</title>', { headers: { 'content-type': 'text/html' } }))
            : forward(),
        set() {},
      })
      await auth.signOut()
      await expect
        .poll(() => browser.requests.some(({ url }) => url.endsWith('/sign-out')), { timeout: 30_000 })
        .toBe(true)
      const next = await browser.load()
      await next.listIdentities()
      expect(await outboxOf(browser)).toHaveLength(2)
      expect(await living()).toHaveLength(2)
      expect(next.getState().upgrade?.account).toBeUndefined()
      next.close()
      auth.close()
    })
  })

  test.each(['delete', 'findMany'] as const)(
    'a sign-out is delivered again if the session was not deleted, since the statement failed: %s',
    async (method) => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await load(browser)
      const request = (path: string, body: object) => (browser.client.$fetch as Fetch)(path, { method: 'POST', body })
      await auth.upgrade(() => request('/sign-up/email', person('ada')))
      const statuses = statusesOf(browser, '/sign-out')
      vi.spyOn(console, 'error').mockImplementation(() => {})
      failOnce(server, method)
      await auth.signOut()
      await expect.poll(() => statuses, { timeout: 30_000 }).toEqual([500])
      expect(await outboxOf(browser)).toHaveLength(2)
      expect(await server.rows('session')).toHaveLength(1)
      auth.close()
      const next = await browser.load()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await server.rows('session')).toEqual([])
      expect(statuses).toEqual([500, 200])
      await settled(next, { phase: 'ready', authMode: 'anonymous' })
      next.close()
    },
  )

  test('a sign-out that arrives after another person signed in leaves their session alone', async () => {
    const server = await newServer()
    const browser = server.browser()
    const auth = await load(browser)
    const request = (path: string, body: object) => (browser.client.$fetch as Fetch)(path, { method: 'POST', body })
    await auth.upgrade(() => request('/sign-up/email', person('ada')))
    let isOvertaken = false
    let isAnswered = false
    Object.defineProperty(browser, 'intercept', {
      configurable: true,
      get: () => async (sent: Request, forward: () => Promise<Response>) => {
        if (!sent.url.endsWith('/sign-out') || isOvertaken) return forward()
        isOvertaken = true
        await browser.send('/sign-up/email', post(person('bob')))
        // The cookie of the moment goes with it.
        const answer = await browser.send('/sign-out', {
          method: 'POST',
          headers: sent.headers,
          body: await sent.text(),
        })
        isAnswered = true
        return answer
      },
      set() {},
    })
    await auth.signOut()
    await expect.poll(() => isAnswered, { timeout: 30_000 }).toBe(true)
    await auth.listIdentities()
    expect(await server.rows('session')).toHaveLength(2)
    expect((await browser.client.getSession()).data?.user.email).toBe(person('bob').email)
    auth.close()
  })

  test('a sign-out by a bearer token that names another session than the token ends neither', async () => {
    const server = await newServer({ plugins: [bearer()] })
    const browser = server.browser()
    await browser.send('/sign-up/email', post(person('ada')))
    const { id } = (await server.rows('session'))[0]!
    const later = await browser.send('/sign-in/email', post(person('ada')))
    browser.cookies.clear()
    const headers = { authorization: `Bearer ${later.headers.get('set-auth-token')}` }
    const answer = await browser.send('/sign-out', post({ latchkeySession: id }, headers))
    expect([answer.status, await codeOf(answer)]).toEqual([409, 'SESSION_CHANGED'])
    expect(await server.rows('session')).toHaveLength(2)
  })

  test('a sign-out whose session is still there is kept while another person is signed in', async () => {
    const server = await newServer()
    const browser = server.browser()
    const auth = await load(browser)
    const request = (path: string, body: object) => (browser.client.$fetch as Fetch)(path, { method: 'POST', body })
    await auth.upgrade(() => request('/sign-up/email', person('ada')))
    const { id } = (await server.rows('session'))[0]!
    const asked = browser.requests.length
    Object.defineProperty(browser, 'intercept', {
      configurable: true,
      value: () => Promise.reject(new TypeError('fetch failed')),
    })
    await auth.signOut()
    auth.close()
    await expect.poll(() => browser.requests.length > asked, { timeout: 30_000 }).toBe(true)
    await auth.listIdentities()
    Object.defineProperty(browser, 'intercept', { value: null, writable: true })
    await browser.send('/sign-up/email', post(person('bob')))
    const look = async (): Promise<void> => {
      const page = await browser.load()
      await expect.poll(() => page.getState().upgrade?.account?.identifiers ?? null, { timeout: 30_000 }).toEqual([])
      page.close()
    }
    await look()
    expect(await outboxOf(browser)).toMatchObject([{ sessionId: id }])
    expect(await server.rows('session')).toHaveLength(2)
    await server.change('session', { expiresAt: new Date(0) }, { id: String(id) })
    await look()
    await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
    expect(await server.rows('session')).toHaveLength(2)
  })
})
