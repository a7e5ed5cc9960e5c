import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { type ServerSession, createSessionResolver } from '../../lib/server.ts'
import { ALICES_TOKEN, ask, describeFramework, expectRefusal } from '../../lib/server/framework.testing.ts'
import { ALICE, APP, NOW } from '../../lib/tokens/forge.testing.ts'
import { authenticate } from './index.ts'

function create(): FastifyInstance {
  const app = fastify({ forceCloseConnections: true })
  // The body as a stream: nothing has read it.
  app.addContentTypeParser('*', (_, payload, done) => done(null, payload))
  return app
}

describeFramework(async (resolver, options, { who, hash }) => {
  const app = create()
  app.register(authenticate, { resolver, ...options })
  app.get('/who', async (request) => who(request.latchkey))
  app.options('/who', async (request) => who(request.latchkey))
  app.post('/hash', async (request) => hash(request.body as AsyncIterable<Uint8Array>))
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), close: () => app.close() }
})

const resolver = createSessionResolver({
  clock: () => NOW * 1000,
  localFirst: { audience: APP, afterUpgrade: 'allow' },
})
const BEARER = { authorization: `Bearer ${ALICES_TOKEN}` }
let app: FastifyInstance
beforeEach(() => void (app = create()))
afterEach(() => app.close())

test('the session is typed, and asking for it on a route without the plugin is a mistake', async () => {
  app.register(async (scope) => {
    scope.register(authenticate, { resolver })
    scope.get('/in', async (request) => {
      expectTypeOf(request.latchkey).toEqualTypeOf<ServerSession>()
      return request.latchkey.principal
    })
  })
  app.get('/out', async (request) => String(request.latchkey))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await ask(`${url}/in`, BEARER)).body).toBe(ALICE.principal)
  await expectRefusal(await ask(`${url}/in`, {}), 'CREDENTIAL_MISSING')
  expect((await ask(`${url}/out`, BEARER)).body).toBe('undefined')
})

test('a scope within can be stricter', async () => {
  app.register(authenticate, { resolver, optional: true })
  app.get('/open', async (request) => request.latchkey.authMode)
  app.register(async (scope) => {
    scope.register(authenticate, { resolver })
    scope.get('/closed', async (request) => request.latchkey.authMode)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await ask(`${url}/open`, {})).body).toBe('anonymous')
  expect((await ask(`${url}/closed`, BEARER)).body).toBe('local-first')
  await expectRefusal(await ask(`${url}/closed`, {}), 'CREDENTIAL_MISSING')
})

test('a scope that has it twice takes the stricter', async () => {
  app.register(authenticate, { resolver, optional: true })
  app.register(authenticate, { resolver })
  app.get('/', async (request) => request.latchkey.authMode)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await ask(url, BEARER)).body).toBe('local-first')
  await expectRefusal(await ask(url, {}), 'CREDENTIAL_MISSING')
})

test('a body is not parsed for a refused request', async () => {
  app.register(authenticate, { resolver })
  app.post('/', async () => 'reached')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const broken = {
    method: 'POST',
    body: async function* () {
      yield Buffer.from('{')
    },
  }
  await expectRefusal(await ask(url, { 'content-type': 'application/json' }, broken), 'CREDENTIAL_MISSING')
  expect((await ask(url, { ...BEARER, 'content-type': 'application/json' }, broken)).status).toBe(400)
})

test('faults go to the log of the server by default', async () => {
  const lines: string[] = []
  app = fastify({ forceCloseConnections: true, logger: { stream: { write: (line: string) => void lines.push(line) } } })
  app.register(authenticate, { resolver: { resolve: () => Promise.reject(new Error('the lookup is down')) } })
  app.get('/', async () => 'reached')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await ask(url, {})).status).toBe(500)
  expect(lines.filter((line) => line.includes('the lookup is down'))).toHaveLength(1)
})

test('what an earlier hook removed from the headers, or added to them, counts', async () => {
  app.addHook('onRequest', async (request) => {
    if (request.url === '/out') delete request.headers.authorization
    if (request.url === '/in') request.headers = BEARER
  })
  app.register(authenticate, { resolver, optional: true })
  app.get('/:place', async (request) => request.latchkey.authMode)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await ask(`${url}/out`, BEARER)).body).toBe('anonymous')
  expect((await ask(`${url}/in`, {})).body).toBe('local-first')
})
