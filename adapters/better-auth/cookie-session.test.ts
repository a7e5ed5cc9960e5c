import { admin } from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Auth } from '../../lib/index.ts'
import { betterAuthCookie, createSessionResolver } from '../../lib/server.ts'
import { onEachEngine } from './testing/engines.testing.ts'
import { cookieOf, newPerson, post, userOf } from './testing/requests.testing.ts'
import { ORIGIN, type TestBrowser, type TestServer, person, testServer } from './testing/server.testing.ts'

const ada = person('ada')

async function signedUp(): Promise<{ server: TestServer; cookie: string }> {
  const server = await testServer()
  const request = new Request(`${ORIGIN}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: ORIGIN },
    body: JSON.stringify(ada),
  })
  const response = await server.auth.handler(request)
  const cookie = response.headers
    .getSetCookie()
    .map((text) => text.split(';', 1)[0]!)
    .join('; ')
  return { server, cookie }
}

function resolverOf({ auth }: TestServer) {
  return createSessionResolver({
    cookieSession: betterAuthCookie({ baseURL: `${ORIGIN}/api/auth`, origins: [ORIGIN], auth }),
  })
}

describe("Better Auth's cookie as a source", () => {
  test('names the account as its tokens do', async () => {
    const { server, cookie } = await signedUp()
    const [user] = await server.rows('user')
    const resolution = await resolverOf(server).resolve(new Request(`${ORIGIN}/api/notes`, { headers: { cookie } }))
    expect(resolution).toMatchObject({
      ok: true,
      source: 'cookie',
      session: { authMode: 'external', principal: user!['id'] },
    })
  })

  test('does not count for a write of another site', async () => {
    const { server, cookie } = await signedUp()
    const write = (origin: string): Request =>
      new Request(`${ORIGIN}/api/notes`, { method: 'POST', headers: { cookie, origin } })
    expect(await resolverOf(server).resolve(write(ORIGIN))).toMatchObject({ ok: true, source: 'cookie' })
    expect(await resolverOf(server).resolve(write('https://evil.example'))).toMatchObject({
      ok: false,
      reason: 'COOKIE_ORIGIN_REFUSED',
    })
  })

  test("is not renewed by the app's server, which could not hand the new one to the browser", async () => {
    const { server, cookie } = await signedUp()
    // Better Auth renews a session of seven days once it is a day old.
    const expiresAt = new Date(Date.now() + 5 * 86_400_000)
    await server.change('session', { expiresAt })
    const request = { method: 'GET', headers: { cookie, 'sec-fetch-site': 'same-origin' } }
    expect(await resolverOf(server).resolve(request)).toMatchObject({ ok: true, source: 'cookie' })
    expect((await server.rows('session'))[0]!['expiresAt']).toEqual(expiresAt)
    const renewed = await server.auth.handler(new Request(`${ORIGIN}/api/auth/latchkey/session`, request))
    expect(renewed.headers.getSetCookie().join()).toMatch(/session_token=.*Max-Age=604800/)
  })

  test('that is forged, changed or of another kind gives an anonymous session', async () => {
    const { server, cookie } = await signedUp()
    for (const other of [
      `${cookie}x`,
      cookie.replace(/=..../, '=AAAA'),
      'better-auth.session_token=abc',
      'theme=dark',
    ]) {
      expect(await resolverOf(server).resolve({ method: 'GET', headers: { cookie: other } })).toMatchObject({
        ok: true,
        session: { principal: null },
      })
    }
  })

  test('cannot be resolved where the plugin is missing: a fault, not a refusal', async () => {
    const fetch = async (): Promise<Response> => new Response(null, { status: 404 })
    const resolver = createSessionResolver({
      cookieSession: betterAuthCookie({ baseURL: `${ORIGIN}/api/auth`, origins: [ORIGIN], fetch }),
    })
    await expect(
      resolver.resolve({ method: 'GET', headers: { cookie: 'better-auth.session_token=x' } }),
    ).rejects.toThrow(/404/)
  })
})

test('cannot be read from a Better Auth in the same process that lacks the plugin: a mistake of the app', () => {
  const options = { baseURL: `${ORIGIN}/api/auth`, origins: [ORIGIN], auth: { api: {} } }
  expect(() => betterAuthCookie(options)).toThrow(TypeError)
})

onEachEngine((newServer) => {
  const page = (headers: Record<string, string>) => new Request(`${ORIGIN}/notes`, { headers })

  describe("Better Auth's cookie, where the account was never used", () => {
    test('fixes no principal for a page that another site opened, and fixes it for a page of the app', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      const { cookie } = cookieOf(one) as { cookie: string }
      const { id } = await userOf(server)
      const resolver = resolverOf(server)
      const followed = { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
      expect(await resolver.resolve(page(followed))).toMatchObject({ ok: true, session: { principal: id } })
      expect(await userOf(server)).toMatchObject({ principalOpen: true, principal: null })
      await resolver.resolve(page({ cookie, 'sec-fetch-site': 'same-origin' }))
      expect(await userOf(server)).toMatchObject({ principalOpen: false })
    })

    test('fixes it for a trusted origin on another site', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      await resolverOf(server).resolve(page({ ...cookieOf(one), 'sec-fetch-site': 'cross-site' }))
      expect(await userOf(server)).toMatchObject({ principalOpen: false })
    })

    test('fixes none for an admin who impersonates the user, and names the admin', async () => {
      const server = await newServer({ plugins: [admin()] })
      const boss = await newPerson(server)
      await boss.browser.send('/sign-up/email', post(person('boss')))
      await boss.session()
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      await server.browser().send('/sign-up/email', post(ada))
      const { id } = await userOf(server, ada.email)
      await boss.browser.send('/admin/impersonate-user', post({ userId: id }))
      const bossId = (await userOf(server, 'boss@example.com'))['id']
      expect(await resolverOf(server).resolve(page(cookieOf(boss)))).toMatchObject({
        ok: true,
        session: { principal: id, claims: { act: { sub: bossId } } },
      })
      expect(await userOf(server, ada.email)).toMatchObject({ principalOpen: true, principal: null })
    })
  })

  test("Better Auth's cookie has no limit of requests that all users share", async () => {
    const server = await newServer({ rateLimit: { enabled: true } })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const resolver = resolverOf(server)
    const nonsense = { cookie: 'better-auth.session_token=nonsense' }
    for (let n = 0; n < 130; n++) await resolver.resolve(page(nonsense)).catch(() => {})
    await expect(resolver.resolve(page(cookieOf(one)))).resolves.toMatchObject({
      ok: true,
      session: { principal: one.device.principal },
    })
  })

  describe('`auth.fetch` of a device that uses no account', () => {
    afterEach(() => vi.unstubAllGlobals())

    /** The page's own server, with the cookies that this browser sends to it. Returns who each request counted as. */
    function appServer(server: TestServer, { cookies }: TestBrowser): (string | null)[] {
      const seen: (string | null)[] = []
      const resolver = resolverOf(server)
      vi.stubGlobal('location', new URL(ORIGIN))
      vi.stubGlobal('fetch', async (request: Request) => {
        request.headers.set('origin', ORIGIN)
        request.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
        const resolution = await resolver.resolve(request)
        seen.push(resolution.ok ? resolution.session.principal : resolution.reason)
        return new Response('ok')
      })
      return seen
    }

    async function readAndWrite(auth: Auth): Promise<void> {
      await auth.fetch(`${ORIGIN}/api/notes`)
      await auth.fetch(`${ORIGIN}/api/notes`, { method: 'POST', body: '{}' })
    }

    test('is of no one after a sign-out that the account server has not received', async () => {
      const server = await newServer()
      const browser = server.browser()
      const auth = await browser.load()
      expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({ outcome: 'upgraded' })
      const seen = appServer(server, browser)
      Object.defineProperty(browser, 'intercept', { get: () => () => new Promise(() => {}), set() {} })
      await auth.signOut()
      expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
      await readAndWrite(auth)
      auth.close()
      const next = await browser.load()
      await readAndWrite(next)
      next.close()
      expect(browser.cookies.size).toBeGreaterThan(0)
      expect(seen).toEqual([null, null, null, null])
    })

    test('is of no one while a session that another party placed there waits', async () => {
      const server = await newServer()
      const browser = server.browser()
      await browser.send('/sign-up/email', post(ada))
      const seen = appServer(server, browser)
      const auth = await browser.load({ initialMode: 'anonymous' })
      await readAndWrite(auth)
      await expect.poll(() => auth.getState().upgrade?.account, { timeout: 30_000 }).toBeDefined()
      await readAndWrite(auth)
      auth.close()
      expect(seen).toEqual([null, null, null, null])
    })
  })
})
