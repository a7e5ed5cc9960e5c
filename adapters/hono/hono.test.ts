import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { expect, expectTypeOf, test } from 'vitest'
import { type OwnedSession, type ServerSession, createSessionResolver } from '../../lib/server.ts'
import { ask, describeFramework, serve } from '../../lib/server/framework.testing.ts'
import { type SessionEnvironment, authenticate } from './index.ts'

describeFramework((resolver, options, { who, hash }) => {
  const app = new Hono<SessionEnvironment>()
  app.use(authenticate(resolver, options))
  app.get('/who', (context) => context.json(who(context.get('session'))))
  app.post('/hash', async (context) => context.text(await hash(context.req.raw.body!)))
  return serve(getRequestListener(app.fetch))
})

const resolver = createSessionResolver({})

test('a browser can read a refusal, with CORS before it', async () => {
  const app = new Hono()
    .use(cors({ origin: 'https://notes.example' }), authenticate(resolver))
    .get('/', (context) => context.text(context.get('session').principal))
  const { url, close } = await serve(getRequestListener(app.fetch))
  const refused = await ask(url, { origin: 'https://notes.example' })
  const preflight = await ask(
    url,
    { origin: 'https://notes.example', 'access-control-request-method': 'GET' },
    { method: 'OPTIONS' },
  )
  expect([refused.status, refused.headers['access-control-allow-origin'], preflight.status]).toEqual([
    401,
    'https://notes.example',
    204,
  ])
  await close()
})

test('a refusal has the headers and cookies that were set before it, and its own', async () => {
  const app = new Hono()
  app.use(async (context, next) => {
    context.header('x-request', '7')
    setCookie(context, 'seen', '1')
    await next()
  })
  app.get('/', authenticate(resolver), (context) => context.text('in'))
  const response = await app.request('/', { headers: { authorization: 'Bearer nonsense' } })
  expect([response.status, response.headers.get('x-request'), response.headers.getSetCookie().length]).toEqual([
    401,
    '7',
    1,
  ])
  expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
  expect(response.headers.get('content-type')).toMatch(/json/)
})

test('the session has a principal unless it is optional', () => {
  new Hono().get('/', authenticate(resolver), (context) => {
    expectTypeOf(context.get('session')).toEqualTypeOf<OwnedSession>()
    return context.body(null)
  })
  new Hono().get('/', authenticate(resolver, { optional: true }), (context) => {
    expectTypeOf(context.get('session')).toEqualTypeOf<ServerSession>()
    return context.body(null)
  })
})
