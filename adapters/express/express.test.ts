import express, { type ErrorRequestHandler } from 'express'
import { afterEach, expect, expectTypeOf, test } from 'vitest'
import {
  type ServerSession,
  createSessionResolver,
  isLatchkeyError,
  requireWriter,
  sendResponse,
  toResponse,
} from '../../lib/server.ts'
import {
  ALICES_TOKEN,
  type FrameworkServer,
  ask,
  describeFramework,
  expectRefusal,
  serve,
} from '../../lib/server/framework.testing.ts'
import { APP, NOW } from '../../lib/tokens/forge.testing.ts'
import { authenticate, sessionOf } from './index.ts'

describeFramework(async (resolver, options, { who, hash }) => {
  const app = express()
  app.use(authenticate(resolver, options))
  app.get('/who', (request, response) => void response.json(who(sessionOf(request))))
  app.post('/hash', async (request, response) => void response.send(await hash(request)))
  return serve(app)
})

const resolver = createSessionResolver({
  clock: () => NOW * 1000,
  localFirst: { audience: APP, afterUpgrade: 'allow' },
})
const BEARER = { authorization: `Bearer ${ALICES_TOKEN}` }
let server: FrameworkServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

test('a resolver takes a request of Express as it is', async () => {
  server = await serve(express().use(async (request, response) => void response.json(await resolver.resolve(request))))
  expect(JSON.parse((await ask(server.url, {})).body)).toMatchObject({ ok: true, source: 'none' })
  expect(JSON.parse((await ask(server.url, BEARER)).body)).toMatchObject({ ok: true, source: 'local-first' })
  expect(JSON.parse((await ask(server.url, { authorization: [BEARER.authorization, 'Bearer x'] })).body)).toMatchObject(
    { reason: 'CREDENTIAL_MALFORMED' },
  )
})

test('the session is typed, and missing on a route without the middleware', async () => {
  const app = express()
  app.get('/', (request, response) => {
    expectTypeOf(request.latchkey).toEqualTypeOf<ServerSession | undefined>()
    expect(() => sessionOf(request)).toThrow(TypeError)
    response.send('reached')
  })
  server = await serve(app)
  expect((await ask(server.url, BEARER)).body).toBe('reached')
})

test('headers that were set before stay on a refusal', async () => {
  const app = express()
  app.use((_, response, next) => {
    response.setHeader('access-control-allow-origin', 'https://notes.example')
    next()
  }, authenticate(resolver))
  server = await serve(app)
  const answer = await ask(server.url, {})
  await expectRefusal(answer, 'CREDENTIAL_MISSING')
  expect(answer.headers['access-control-allow-origin']).toBe('https://notes.example')
})

test('what a guard throws can be answered by an error handler of one line', async () => {
  const app = express()
  app.use(authenticate(resolver, { optional: true }))
  app.post('/', (request) => requireWriter(sessionOf(request), { resource: 'notes', operation: 'insert' }))
  const respond: ErrorRequestHandler = (error, _, response, next) => {
    if (response.headersSent || !isLatchkeyError(error)) return next(error)
    return sendResponse(response, toResponse(error))
  }
  app.use(respond)
  server = await serve(app)
  await expectRefusal(await ask(server.url, {}, { method: 'POST' }), 'ANONYMOUS_WRITE_DENIED', {
    resource: 'notes',
    operation: 'insert',
  })
})

test('what an earlier middleware removed from the headers, or added to them, counts', async () => {
  const app = express()
  app.use('/out', (request, _response, next) => (delete request.headers.authorization, next()))
  app.use('/in', (request, _response, next) => ((request.headers.authorization = BEARER.authorization), next()))
  app.use(authenticate(resolver, { optional: true }))
  app.get('/:place', (request, response) => void response.send(sessionOf(request).authMode))
  server = await serve(app)
  expect((await ask(`${server.url}/out`, BEARER)).body).toBe('anonymous')
  expect((await ask(`${server.url}/in`, {})).body).toBe('local-first')
})
