import { admin, bearer } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { codeOf, post } from '../testing/requests.testing.ts'
import { type TestBrowser, person } from '../testing/server.testing.ts'

type Fetch = (path: string, options?: object) => Promise<unknown>

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
    return { server, browser, auth, request, living }
  }
  const outboxOf = async ({ store }: TestBrowser) => ((await store.read()) as Keyring).outbox

  describe('a sign-out while an admin impersonates a user', () => {
    test('ends both sessions, and offers neither to the next person', async () => {
      const { browser, auth, living } = await impersonating()
      await auth.signOut()
      await expect.poll(() => outboxOf(browser), { timeout: 30_000 }).toEqual([])
      expect(await living()).toEqual([])
      const next = await browser.load()
      await settled(next, { phase: 'ready', authMode: 'anonymous' })
      expect(next.getState().upgrade?.account).toBeUndefined()
    })

    test('is not delivered by something in front of the server', async () => {
      const { browser, auth, living } = await impersonating()
      Object.defineProperty(browser, 'intercept', {
        configurable: true,
        get: () => (request: Request, forward: () => Promise<Response>) =>
          /sign-out|stop-impersonating/.test(request.url)
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
