import { describe, expect, test, vi } from 'vitest'
import { ALICE, APP, NOW, TOKEN_HEADER, forge, tokenClaims } from '../../tokens/forge.testing.ts'
import type { CookieSession, CookieSessionOptions } from './cookie.ts'
import type { ResolvableRequest } from '../request.ts'
import { type SessionResolverOptions, createSessionResolver } from '../resolver.ts'
import type { Resolution } from '../types.ts'

const ORIGIN = 'https://notes.example'
const COOKIE = { cookie: 'theme=dark; session=s3cret' }
const FOUND: CookieSession = { principal: 'cookie-user', aliases: ['alias'], claims: { role: 'member' } }

function resolve(
  request: ResolvableRequest,
  cookie: Partial<CookieSessionOptions> = {},
  more: SessionResolverOptions = {},
): Promise<Resolution> {
  const cookieSession = { read: async () => FOUND, origins: [ORIGIN], ...cookie }
  return createSessionResolver({
    clock: () => NOW * 1000,
    localFirst: { audience: APP, afterUpgrade: 'allow' },
    cookieSession,
    ...more,
  }).resolve(request)
}

async function outcomeOf(...given: Parameters<typeof resolve>): Promise<string> {
  const resolution = await resolve(...given)
  return resolution.ok ? (resolution.session.principal ?? 'anonymous') : resolution.reason
}

describe('a session cookie', () => {
  test('is a source that is off by default', async () => {
    const resolver = createSessionResolver({})
    expect(await resolver.resolve({ method: 'GET', headers: COOKIE })).toMatchObject({
      ok: true,
      source: 'none',
      session: { principal: null },
    })
  })

  test('gives an external session with its aliases', async () => {
    expect(await resolve({ method: 'GET', headers: COOKIE })).toEqual({
      ok: true,
      source: 'cookie',
      session: {
        authMode: 'external',
        principal: 'cookie-user',
        principals: ['cookie-user', 'alias'],
        claims: { role: 'member' },
      },
    })
  })

  test('is shown to the app alone, without the rest of the request', async () => {
    const read = vi.fn<CookieSessionOptions['read']>(async () => FOUND)
    await resolve({ method: 'GET', headers: { ...COOKIE, 'x-forwarded-for': '1.2.3.4' } }, { read })
    expect([...read.mock.calls[0]![0]]).toEqual([['cookie', COOKIE.cookie]])
  })

  test.each<[string, Record<string, string>, boolean]>([
    ['a link of another site', { 'sec-fetch-site': 'cross-site' }, true],
    ['a page of an own origin on another site', { 'sec-fetch-site': 'cross-site', origin: ORIGIN }, false],
    ['a page of the app', { 'sec-fetch-site': 'same-origin' }, false],
    ['something that is no browser', {}, false],
  ])('tells `read` whether another site caused the request: %s', async (_, headers, isCrossSite) => {
    const read = vi.fn<CookieSessionOptions['read']>(async () => FOUND)
    await resolve({ method: 'GET', headers: { ...COOKIE, ...headers } }, { read })
    expect(read.mock.calls[0]![1]).toEqual({ isCrossSite })
  })

  test('does not count in a request that `auth.fetch` sent without a token', async () => {
    const read = vi.fn<CookieSessionOptions['read']>(async () => FOUND)
    const marked = { headers: { ...COOKIE, 'x-latchkey-anonymous': '1' } }
    expect(await outcomeOf({ ...marked, method: 'GET' }, { read })).toBe('anonymous')
    expect(await outcomeOf({ ...marked, method: 'POST' }, { read })).toBe('anonymous')
    expect(await outcomeOf({ ...marked, method: 'GET' }, { read }, { anonymous: 'deny' })).toBe('CREDENTIAL_MISSING')
    expect(read).not.toHaveBeenCalled()
  })

  test('in several headers is one', async () => {
    const read = vi.fn<CookieSessionOptions['read']>(async () => FOUND)
    await resolve({ method: 'GET', headers: { cookie: ['a=1', 'session=2'] } }, { read })
    expect(read.mock.calls[0]![0].get('cookie')).toBe('a=1; session=2')
  })

  test('without a session is an anonymous request', async () => {
    expect(await resolve({ method: 'GET', headers: COOKIE }, { read: async () => null })).toMatchObject({
      ok: true,
      source: 'none',
    })
    expect(await outcomeOf({ method: 'GET', headers: COOKIE }, { read: async () => null }, { anonymous: 'deny' })).toBe(
      'CREDENTIAL_MISSING',
    )
  })

  test('counts for a server component that has only headers and says that it reads', async () => {
    const headers = new Headers(COOKIE)
    const foreign = new Headers({ ...COOKIE, origin: 'https://evil.example' })
    expect(await outcomeOf(headers)).toBe('COOKIE_ORIGIN_REFUSED')
    expect(await outcomeOf({ headers, method: 'GET' })).toBe('cookie-user')
    expect(await outcomeOf({ headers: foreign, method: 'GET' })).toBe('COOKIE_ORIGIN_REFUSED')
    expect(await outcomeOf({ headers: new Headers({ ...COOKIE, origin: ORIGIN }), method: 'POST' })).toBe('cookie-user')
  })

  test('is asked about only if it has the name', async () => {
    const request = (cookie: string): ResolvableRequest => ({ method: 'POST', headers: { cookie } })
    const names = ['session', '__Secure-session']
    expect(await outcomeOf(request('theme=dark'), { names })).toBe('anonymous')
    expect(await outcomeOf(request('xsession=1; sessionx=2; a=session=1'), { names })).toBe('anonymous')
    expect(await outcomeOf(request('theme=dark'))).toBe('COOKIE_ORIGIN_REFUSED')
    for (const cookie of ['session=1', 'a=b;session=1', 'a=b; __Secure-session=1'])
      expect(await outcomeOf(request(cookie), { names })).toBe('COOKIE_ORIGIN_REFUSED')
  })

  test.each<[string, string]>([
    ['a token that verifies', `Bearer ${forge({ header: TOKEN_HEADER, claims: tokenClaims() })}`],
    ['a token that does not', 'Bearer x.y.z'],
    ['nothing in it', ''],
    ['a scheme alone', 'Basic'],
  ])('does not count beside an Authorization header with %s', async (_, authorization) => {
    const read = vi.fn(async () => FOUND)
    const outcome = await outcomeOf({ method: 'GET', headers: { ...COOKIE, authorization, origin: ORIGIN } }, { read })
    expect(outcome === ALICE.principal || /^(CREDENTIAL|TOKEN)_/.test(outcome)).toBe(true)
    expect(read).not.toHaveBeenCalled()
  })

  test('counts beside an Authorization header of another scheme, under the same rule on origins', async () => {
    const authorization = 'Basic c3RhZ2luZzpwYXNz'
    const headers = { ...COOKIE, authorization }
    expect(await outcomeOf({ method: 'GET', headers: { ...headers, origin: ORIGIN } })).toBe('cookie-user')
    expect(await outcomeOf({ method: 'POST', headers })).toBe('COOKIE_ORIGIN_REFUSED')
    expect(await outcomeOf({ method: 'POST', headers: { ...headers, origin: 'https://evil.example' } })).toBe(
      'COOKIE_ORIGIN_REFUSED',
    )
  })

  test('that cannot be looked up is a fault of the server, and no verdict', async () => {
    const fault = new Error('database is down')
    await expect(resolve({ method: 'GET', headers: COOKIE }, { read: () => Promise.reject(fault) })).rejects.toBe(fault)
  })

  test.each([
    { principal: '' },
    { principal: 7 },
    {},
    { principal: 'a', aliases: 'b' },
    { principal: 'a', aliases: [''] },
  ])('that is read as %j is a mistake of the app', async (found) => {
    await expect(resolve({ method: 'GET', headers: COOKIE }, { read: async () => found as never })).rejects.toThrow(
      TypeError,
    )
  })
})

describe('what another site can make a browser send', () => {
  const UPGRADE = { upgrade: 'websocket', connection: 'Upgrade' }

  test.each<[string, ResolvableRequest, string]>([
    ['GET', { method: 'GET', headers: COOKIE }, 'cookie-user'],
    ['HEAD', { method: 'HEAD', headers: COOKIE }, 'cookie-user'],
    ['GET of an own page', { method: 'GET', headers: { ...COOKIE, origin: ORIGIN } }, 'cookie-user'],
    [
      'GET of another page',
      { method: 'GET', headers: { ...COOKIE, origin: 'https://evil.example' } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'QUERY', 'get', '', undefined].flatMap(
      (method): [string, ResolvableRequest, string][] => [
        [`${method} without an Origin`, { method, headers: COOKIE }, 'COOKIE_ORIGIN_REFUSED'],
        [
          `${method} of another page`,
          { method, headers: { ...COOKIE, origin: 'https://evil.example' } },
          'COOKIE_ORIGIN_REFUSED',
        ],
        [`${method} of an own page`, { method, headers: { ...COOKIE, origin: ORIGIN } }, 'cookie-user'],
      ],
    ),
    ['POST of a sandboxed frame', { method: 'POST', headers: { ...COOKIE, origin: 'null' } }, 'COOKIE_ORIGIN_REFUSED'],
    [
      'POST with an Origin that begins like it',
      { method: 'POST', headers: { ...COOKIE, origin: `${ORIGIN}.evil.example` } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    [
      'POST with another port',
      { method: 'POST', headers: { ...COOKIE, origin: `${ORIGIN}:8443` } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    [
      'POST without TLS',
      { method: 'POST', headers: { ...COOKIE, origin: 'http://notes.example' } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    [
      'POST with two Origins',
      { method: 'POST', headers: { ...COOKIE, origin: [ORIGIN, 'https://evil.example'] } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    ['POST with an empty Origin', { method: 'POST', headers: { ...COOKIE, origin: '' } }, 'COOKIE_ORIGIN_REFUSED'],
    [
      'POST with a Referer alone',
      { method: 'POST', headers: { ...COOKIE, referer: `${ORIGIN}/` } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    [
      'a WebSocket of an own page',
      { method: 'GET', headers: { ...COOKIE, ...UPGRADE, origin: ORIGIN } },
      'cookie-user',
    ],
    [
      'a WebSocket of another page',
      { method: 'GET', headers: { ...COOKIE, ...UPGRADE, origin: 'https://evil.example' } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    ['a WebSocket without an Origin', { method: 'GET', headers: { ...COOKIE, ...UPGRADE } }, 'COOKIE_ORIGIN_REFUSED'],
    [
      'a WebSocket with its header in capitals',
      { method: 'GET', headers: { ...COOKIE, Upgrade: 'WebSocket' } },
      'COOKIE_ORIGIN_REFUSED',
    ],
    ['headers alone', COOKIE, 'COOKIE_ORIGIN_REFUSED'],
    ['a Request', new Request(ORIGIN, { method: 'POST', headers: COOKIE }), 'COOKIE_ORIGIN_REFUSED'],
  ])('%s', async (_, request, expected) => {
    const read = vi.fn(async () => FOUND)
    expect(await outcomeOf(request, { read })).toBe(expected)
    expect(read).toHaveBeenCalledTimes(expected === 'cookie-user' ? 1 : 0)
  })

  test('is answered with 403', async () => {
    const resolution = await resolve({ method: 'POST', headers: COOKIE })
    expect(resolution).toMatchObject({ ok: false, source: 'cookie', error: 'invalid' })
    if (resolution.ok) return
    expect(resolution.response().status).toBe(403)
    expect(await resolution.response().json()).toEqual({ error: 'refused', code: 'invalid' })
  })
})

describe('createSessionResolver refuses cookies', () => {
  test.each<[string, Partial<CookieSessionOptions>]>([
    ['without an origin', { origins: [] }],
    ['of any origin', { origins: ['*'] }],
    ['of the origin null', { origins: ['null'] }],
    ['of a URL', { origins: [`${ORIGIN}/`] }],
    ['of a host', { origins: ['notes.example'] }],
    ['of one that is none beside one', { origins: [ORIGIN, ''] }],
    ['without a name in the list', { names: [] }],
  ])('%s', (_, options) => {
    expect(() =>
      createSessionResolver({ cookieSession: { read: async () => null, origins: [ORIGIN], ...options } }),
    ).toThrow(TypeError)
  })
})
