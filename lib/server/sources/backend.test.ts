import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fc } from '../../seeded.testing.ts'
import { describe, expect, test, vi } from 'vitest'
import { ALICE, APP, BOB, NOW, TOKEN_HEADER, forge, tokenClaims } from '../../tokens/forge.testing.ts'
import { type BackendOptions, JAZZ_BACKEND_HEADERS, LATCHKEY_BACKEND_HEADERS, backendHeaders } from './backend.ts'
import { createSecretCheck } from './constant-time.ts'
import { type SessionResolverOptions, createSessionResolver } from '../resolver.ts'
import { ANONYMOUS } from '../session.ts'
import type { Resolution } from '../types.ts'

const SECRET = 'a-secret-of-32-characters-or-more'
const OTHER = 'another-secret-of-the-same-length'
const SESSION = { principal: BOB.principal, claims: { role: 'member' } }
const BOTH = [LATCHKEY_BACKEND_HEADERS, JAZZ_BACKEND_HEADERS]

function resolve(
  headers: Record<string, string | undefined>,
  backend: Partial<BackendOptions> = {},
  more: SessionResolverOptions = {},
): Promise<Resolution> {
  const resolver = createSessionResolver({
    clock: () => NOW * 1000,
    localFirst: { audience: APP, afterUpgrade: 'allow' },
    backend: { secret: SECRET, ...backend },
    ...more,
  })
  return resolver.resolve(headers)
}

async function reasonOf(...given: Parameters<typeof resolve>): Promise<string> {
  const resolution = await resolve(...given)
  return resolution.ok ? 'accepted' : resolution.reason
}

const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')

describe('a backend that knows the secret', () => {
  test('speaks for anybody (checklist 13: impersonation needs both headers)', async () => {
    expect(await resolve(backendHeaders(SECRET, SESSION))).toEqual({
      ok: true,
      source: 'backend',
      session: {
        authMode: 'external',
        principal: BOB.principal,
        principals: [BOB.principal],
        claims: { role: 'member' },
      },
    })
  })

  test('beats any JWT (checklist 13: impersonation beats any JWT)', async () => {
    const authorization = `Bearer ${forge({ header: TOKEN_HEADER, claims: tokenClaims() })}`
    expect(await resolve({ authorization })).toMatchObject({ session: { principal: ALICE.principal } })
    expect(await resolve({ authorization, ...backendHeaders(SECRET, SESSION) })).toMatchObject({
      session: { principal: BOB.principal },
    })
    expect(await resolve({ authorization: 'nonsense', ...backendHeaders(SECRET, SESSION) })).toMatchObject({
      session: { principal: BOB.principal },
    })
  })

  test('keeps that session whatever token arrives: a fresh one, another one, an expired one, none (checklist 12: backend-scoped sessions ignore token updates)', async () => {
    const tokens = [tokenClaims(), tokenClaims(BOB), { ...tokenClaims(), exp: NOW - 1 }].map(
      (claims) => `Bearer ${forge({ header: TOKEN_HEADER, claims })}`,
    )
    for (const authorization of [...tokens, 'Bearer', undefined]) {
      expect(await resolve({ authorization, ...backendHeaders(SECRET, SESSION) })).toMatchObject({
        ok: true,
        source: 'backend',
        session: { principal: BOB.principal, claims: { role: 'member' } },
      })
    }
  })

  test('passes on a session that it resolved itself, aliases and mode included', async () => {
    const session = { authMode: 'local-first', principal: 'p', principals: ['p', 'alias'], claims: { a: [1] } } as const
    expect(await resolve(backendHeaders(SECRET, session))).toMatchObject({ session })
    expect(() => backendHeaders(SECRET, ANONYMOUS)).toThrow(TypeError)
  })

  test('may use either of two secrets while one takes the place of the other', async () => {
    const backend = { secret: [OTHER, SECRET] }
    for (const secret of backend.secret)
      expect(await reasonOf(backendHeaders(secret, SESSION), backend)).toBe('accepted')
    expect(await reasonOf(backendHeaders(`${SECRET}!`, SESSION), backend)).toBe('BACKEND_SECRET_WRONG')
  })

  test("may use Jazz's headers, where they are configured", async () => {
    const headers = {
      'X-Jazz-Backend-Secret': SECRET,
      'X-Jazz-Session': base64({ user_id: 'jazz-user', claims: { teams: ['eng'] }, auth_mode: 'local-first' }),
    }
    expect(await resolve(headers, { headers: BOTH })).toMatchObject({
      ok: true,
      session: { authMode: 'local-first', principal: 'jazz-user', claims: { teams: ['eng'] } },
    })
    expect(await resolve(headers)).toMatchObject({ ok: true, source: 'none' })
  })

  test('is heard through the fetch of Node, which sends Sec-Fetch-Mode', async () => {
    const server = createServer((request, response) => {
      void createSessionResolver({ backend: { secret: SECRET } })
        .resolve(request)
        .then((resolution) => response.end(JSON.stringify([resolution, request.headers['sec-fetch-mode']])))
    })
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      method: 'POST',
      headers: backendHeaders(SECRET, SESSION),
      body: 'x',
    })
    expect(await answer.json()).toMatchObject([{ ok: true, source: 'backend' }, 'cors'])
    server.closeAllConnections()
    server.close()
  })
})

describe('impersonation is refused', () => {
  const { secret, session } = LATCHKEY_BACKEND_HEADERS
  const good = backendHeaders(SECRET, SESSION)

  test.each<[string, Record<string, string | undefined>, string]>([
    ['with the secret alone', { ...good, [session]: undefined }, 'BACKEND_HEADERS_INVALID'],
    ['with the session alone', { ...good, [secret]: undefined }, 'BACKEND_HEADERS_INVALID'],
    ['with another secret', { ...good, [secret]: OTHER }, 'BACKEND_SECRET_WRONG'],
    ['with an empty secret', { ...good, [secret]: '' }, 'BACKEND_SECRET_WRONG'],
    ['with the beginning of the secret', { ...good, [secret]: SECRET.slice(0, -1) }, 'BACKEND_SECRET_WRONG'],
    ['with the secret twice', { ...good, [secret]: `${SECRET}, ${SECRET}` }, 'BACKEND_SECRET_WRONG'],
    ['with a huge secret', { ...good, [secret]: SECRET.repeat(1000) }, 'BACKEND_SECRET_WRONG'],
    ['with a wrong secret and a session that is none', { [secret]: OTHER, [session]: '!' }, 'BACKEND_SECRET_WRONG'],
    ['with an Origin', { ...good, origin: 'https://notes.example' }, 'BACKEND_FROM_BROWSER'],
    ['with the Origin null', { ...good, origin: 'null' }, 'BACKEND_FROM_BROWSER'],
    ['with Sec-Fetch-Site', { ...good, 'Sec-Fetch-Site': 'same-origin' }, 'BACKEND_FROM_BROWSER'],
    ['with Sec-Fetch-Dest', { ...good, 'sec-fetch-dest': 'empty' }, 'BACKEND_FROM_BROWSER'],
    ['with Sec-Fetch-User', { ...good, 'sec-fetch-user': '?1' }, 'BACKEND_FROM_BROWSER'],
    ['with the Sec-Fetch-Mode of a navigation', { ...good, 'sec-fetch-mode': 'navigate' }, 'BACKEND_FROM_BROWSER'],
    [
      'with half of each pair',
      { [secret]: SECRET, [JAZZ_BACKEND_HEADERS.session]: good[session] },
      'BACKEND_HEADERS_INVALID',
    ],
    [
      'with both pairs',
      { ...good, ...backendHeaders(SECRET, SESSION, JAZZ_BACKEND_HEADERS) },
      'BACKEND_HEADERS_INVALID',
    ],
    [
      'with a pair and the half of another',
      { ...good, [JAZZ_BACKEND_HEADERS.session]: 'x' },
      'BACKEND_HEADERS_INVALID',
    ],
  ])('%s, whatever token is beside it', async (_, headers, reason) => {
    const authorization = `Bearer ${forge({ header: TOKEN_HEADER, claims: tokenClaims() })}`
    expect(await reasonOf(headers, { headers: BOTH })).toBe(reason)
    expect(await reasonOf({ ...headers, authorization }, { headers: BOTH })).toBe(reason)
  })

  test('where no backend is configured, rather than taken for an anonymous request', async () => {
    const resolver = createSessionResolver({})
    expect(await resolver.resolve(good)).toMatchObject({
      ok: false,
      error: 'disabled',
      reason: 'BACKEND_DISABLED',
      source: 'backend',
    })
    expect(await resolver.resolve({ [secret]: SECRET })).toMatchObject({ ok: false, reason: 'BACKEND_DISABLED' })
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['no base64', '!'],
    ['no JSON', base64('principal')],
    ['a list', base64([SESSION])],
    ['a text', base64('"p"')],
    ['no principal', base64({ claims: {} })],
    ['an empty principal', base64({ principal: '' })],
    ['null as principal', base64({ principal: null })],
    ['a number as principal', base64({ principal: 7 })],
    ['a huge principal', base64({ principal: 'p'.repeat(256) })],
    ['two names of the principal', base64({ principal: 'a', user_id: 'b' })],
    ['the principal twice', base64('{"principal":"a","principal":"b"}')],
    ['an anonymous mode', base64({ principal: 'a', authMode: 'anonymous' })],
    ['an unknown mode', base64({ principal: 'a', authMode: 'admin' })],
    ['two modes', base64({ principal: 'a', authMode: 'external', auth_mode: 'local-first' })],
    ['principals of another user first', base64({ principal: 'a', principals: ['b', 'a'] })],
    ['principals that are none', base64({ principal: 'a', principals: ['a', 7] })],
    ['too many principals', base64({ principal: 'a', principals: Array.from({ length: 18 }, () => 'a') })],
    ['principals as a text', base64({ principal: 'a', principals: 'a' })],
    ['claims as a list', base64({ principal: 'a', claims: [] })],
    ['claims as null', base64({ principal: 'a', claims: null })],
    ['too much', base64({ principal: 'a', claims: { pad: 'x'.repeat(16_384) } })],
    ['what is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('base64')],
  ])('with %s as the session', async (_, text) => {
    const resolution = await resolve({ [secret]: SECRET, [session]: text })
    expect(resolution).toMatchObject({ ok: false, error: 'invalid', reason: 'BACKEND_SESSION_INVALID' })
    if (!resolution.ok) expect(await resolution.response().text()).toBe('{"error":"refused","code":"invalid"}')
  })

  test('with any text as the session, and never with an error of the resolver', async () => {
    const resolver = createSessionResolver({ backend: { secret: SECRET } })
    const value = fc.oneof(fc.string({ maxLength: 100 }), fc.jsonValue().map(base64))
    await fc.assert(
      fc.asyncProperty(value, async (text) => {
        expect(await resolver.resolve({ [secret]: SECRET, [session]: text })).toMatchObject({
          reason: 'BACKEND_SESSION_INVALID',
        })
      }),
      { numRuns: 500 },
    )
  })

  test('and the answer does not tell the secret or the reason', async () => {
    const resolution = await resolve({ ...good, [secret]: OTHER })
    if (resolution.ok) throw new Error('accepted')
    const response = resolution.response()
    const said = JSON.stringify([...response.headers, await response.text()])
    for (const silent of [SECRET, OTHER, 'BACKEND', BOB.principal]) expect(said).not.toContain(silent)
    expect(response.status).toBe(401)
  })
})

describe('createSessionResolver refuses a backend', () => {
  test.each<[string, Partial<BackendOptions>]>([
    ['without a secret', { secret: '' }],
    ['with none in the list', { secret: [] }],
    ['with a short secret', { secret: 'x'.repeat(31) }],
    ['with a short secret beside a long one', { secret: [SECRET, 'short'] }],
    ['with space in the secret', { secret: `${SECRET} ` }],
    ['with a newline in the secret', { secret: `${SECRET}\n` }],
    ['with more than a header carries', { secret: 'x'.repeat(1025) }],
    ['with letters that no header carries', { secret: 'é'.repeat(32) }],
    ['with undefined, as from an environment', { secret: undefined as never }],
    ['with a name that is no header', { headers: { secret: 'x y', session: 'z' } }],
    ['with one name for both', { headers: { secret: 'X-Backend', session: 'x-backend' } }],
  ])('%s', (_, options) => {
    expect(() => createSessionResolver({ backend: { secret: SECRET, ...options } })).toThrow(TypeError)
  })
})

test('the limits of a backend count to the character', async () => {
  for (const secret of ['x'.repeat(32), 'x'.repeat(1024)])
    expect(await reasonOf(backendHeaders(secret, SESSION), { secret })).toBe('accepted')
  const longest = 'p'.repeat(255)
  const aliases = Array.from({ length: 16 }, (_, index) => `alias ${index}`)
  for (const principals of [[longest], [longest, ...aliases]])
    expect(await resolve(backendHeaders(SECRET, { principal: longest, principals }))).toMatchObject({
      session: { principal: longest, principals },
    })
  const session = (pad: number): string => base64({ principal: 'p', claims: { pad: 'x'.repeat(pad) } })
  const { secret: name, session: header } = LATCHKEY_BACKEND_HEADERS
  const pad = (16_384 / 4) * 3 - JSON.stringify({ principal: 'p', claims: { pad: '' } }).length
  expect(session(pad)).toHaveLength(16_384)
  expect(await reasonOf({ [name]: SECRET, [header]: session(pad) })).toBe('accepted')
  expect(await reasonOf({ [name]: SECRET, [header]: session(pad + 1) })).toBe('BACKEND_SESSION_INVALID')
})

describe('the comparison', () => {
  test('is under a random key that cannot be exported', async () => {
    const generate = vi.spyOn(crypto.subtle, 'generateKey')
    expect(await createSecretCheck([SECRET])(SECRET)).toBe(true)
    expect(generate.mock.calls).toEqual([[{ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']]])
    generate.mockRestore()
  })

  test('is of digests of one length, with every secret, whatever is given', async () => {
    const sign = vi.spyOn(crypto.subtle, 'sign')
    try {
      const check = createSecretCheck([SECRET, OTHER])
      expect(await check(SECRET)).toBe(true)
      sign.mockClear()
      for (const text of [SECRET, OTHER, '', 'x', SECRET.slice(1), `x${SECRET.slice(1)}`])
        expect(await check(text)).toBe(text === SECRET || text === OTHER)
      expect(sign).toHaveBeenCalledTimes(6)
    } finally {
      sign.mockRestore()
    }
  })

  test('is true for nothing without a secret', async () => {
    expect(await createSecretCheck([])('')).toBe(false)
  })
})
