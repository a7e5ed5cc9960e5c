import { expect, expectTypeOf, test, vi } from 'vitest'
import { ALICE, APP, NOW } from '../tokens/forge.testing.ts'
import { ALICES_TOKEN } from './framework.testing.ts'
import { type Authenticator, type AuthenticateOptions, createAuthenticator } from './authenticate.ts'
import { createSessionResolver } from './resolver.ts'
import type { OwnedSession, ServerSession } from './types.ts'

const resolver = createSessionResolver({
  clock: () => NOW * 1000,
  localFirst: { audience: APP, afterUpgrade: 'allow' },
})
const BEARER = { authorization: `Bearer ${ALICES_TOKEN}` }

/** A handler of anything with `fetch`: Workers, Deno, Bun, a route of Next. */
function handlerWith(options: AuthenticateOptions = {}): (request: Request) => Promise<Response> {
  const authenticate: Authenticator = createAuthenticator(resolver, options)
  return async (request) => {
    const who = await authenticate(request)
    return who.ok ? Response.json({ principal: who.session.principal, body: await request.text() }) : who.response
  }
}

test('a Request with a credential goes on, its body unread', async () => {
  const answer = await handlerWith()(
    new Request('https://notes.example/', { method: 'POST', headers: BEARER, body: 'text' }),
  )
  expect(await answer.json()).toEqual({ principal: ALICE.principal, body: 'text' })
})

test('a Request without a credential is answered, and goes on where that is optional', async () => {
  const refused = await handlerWith()(new Request('https://notes.example/'))
  expect([refused.status, refused.headers.get('www-authenticate'), await refused.json()]).toEqual([
    401,
    'Bearer',
    { error: 'unauthenticated', code: 'missing' },
  ])
  expect(await (await handlerWith({ optional: true })(new Request('https://notes.example/'))).json()).toEqual({
    principal: null,
    body: '',
  })
})

test('a resolver that denies the anonymous has the last word', async () => {
  const authenticate = createAuthenticator(createSessionResolver({ anonymous: 'deny' }), { optional: true })
  expect(await authenticate(new Request('https://notes.example/'))).toMatchObject({
    ok: false,
    response: { status: 401 },
  })
})

test.each<[string, ServerSession]>([
  ['an anonymous mode with a principal', { authMode: 'anonymous', principal: 'ada', principals: ['ada'], claims: {} }],
  ['a mode without a principal', { authMode: 'external', principal: null, principals: [], claims: {} }],
  ['an empty principal', { authMode: 'external', principal: '', principals: [''], claims: {} }],
])('%s is no session', async (_, session) => {
  const authenticate = createAuthenticator({ resolve: async () => ({ ok: true, session, source: 'none' }) })
  expect(await authenticate({})).toMatchObject({ ok: false, response: { status: 401 } })
})

test('a fault is answered with 500, and the operator hears it', async () => {
  const onError = vi.fn<(error: unknown) => void>()
  const fault = new Error('a-secret')
  const admission = await createAuthenticator({ resolve: () => Promise.reject(fault) }, { onError })({})
  if (admission.ok) throw new Error('let through')
  expect([admission.response.status, await admission.response.text()]).toEqual([500, '{"error":"internal"}'])
  expect(onError.mock.calls).toEqual([[fault]])
})

test('a resolver that throws at once is answered too', async () => {
  const resolve = (): never => {
    throw new Error('at once')
  }
  expect(await createAuthenticator({ resolve }, { onError: () => {} })({})).toMatchObject({
    ok: false,
    response: { status: 500 },
  })
})

test('by default faults go to the console', async () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  const fault = new Error('down')
  const authenticate = createAuthenticator({ resolve: () => Promise.reject(fault) })
  await authenticate({})
  expect(written).toHaveBeenCalledWith(fault)
  written.mockRestore()
})

test.each([null, undefined, {}, { resolve: 'x' }])('%o is no resolver', (value) => {
  expect(() => createAuthenticator(value as never)).toThrow(TypeError)
})

test.each(['true', 'false', 1, null])('optional: %o is a mistake', (optional) => {
  expect(() => createAuthenticator(resolver, { optional: optional as never })).toThrow(TypeError)
})

test('the session has a principal unless it is optional', () => {
  expectTypeOf(createAuthenticator(resolver)).toEqualTypeOf<Authenticator<OwnedSession>>()
  expectTypeOf(createAuthenticator(resolver, { optional: false })).toEqualTypeOf<Authenticator<OwnedSession>>()
  expectTypeOf(createAuthenticator(resolver, { optional: true })).toEqualTypeOf<Authenticator>()
})
