import { describe, expect, test } from 'vitest'
import { betterAuthCookie, createSessionResolver } from '../../lib/server.ts'
import { ORIGIN, type TestServer, person, testServer } from './testing/server.testing.ts'

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
    cookieSession: betterAuthCookie({ baseURL: `${ORIGIN}/api/auth`, origins: [ORIGIN], handler: auth.handler }),
  })
}

describe("Better Auth's cookie as a source", () => {
  test('says who the account is, as its tokens do', async () => {
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

  test('that is forged, changed or of nobody is a request of nobody', async () => {
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

  test('cannot be asked about where the plugin is missing: a fault, and no verdict', async () => {
    const handler = async (): Promise<Response> => new Response(null, { status: 404 })
    const resolver = createSessionResolver({
      cookieSession: betterAuthCookie({ baseURL: `${ORIGIN}/api/auth`, origins: [ORIGIN], handler }),
    })
    await expect(
      resolver.resolve({ method: 'GET', headers: { cookie: 'better-auth.session_token=x' } }),
    ).rejects.toThrow(/404/)
  })
})
