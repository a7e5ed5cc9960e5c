import { afterEach, expect, expectTypeOf, test } from 'vitest'
import { type OwnedSession, type ServerSession, createSessionResolver, requireWriter } from '../../lib/server.ts'
import {
  type FrameworkServer,
  ask,
  describeFramework,
  expectRefusal,
  serve,
} from '../../lib/server/framework.testing.ts'
import { authenticate } from './index.ts'

describeFramework(async (resolver, options, { who, hash }) =>
  serve(
    authenticate(
      resolver,
      async (request, response, session) =>
        response.end(request.url === '/hash' ? await hash(request) : JSON.stringify(who(session))),
      options,
    ),
  ),
)

const resolver = createSessionResolver({})
let server: FrameworkServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

test('what a guard throws is answered as toResponse says', async () => {
  const write = (_: unknown, __: unknown, session: ServerSession): void =>
    requireWriter(session, { resource: 'notes', operation: 'insert' })
  server = await serve(authenticate(resolver, write, { optional: true }))
  await expectRefusal(await ask(server.url, {}, { method: 'POST' }), 'ANONYMOUS_WRITE_DENIED', {
    resource: 'notes',
    operation: 'insert',
  })
})

test.each([
  [
    'throws',
    () => {
      throw new Error('a-secret')
    },
  ],
  ['rejects', () => Promise.reject(new Error('a-secret'))],
])('a listener that %s is a fault of the server', async (_, listener) => {
  const errors: unknown[] = []
  server = await serve(
    authenticate(resolver, listener, { optional: true, onError: (error) => void errors.push(error) }),
  )
  expect(await ask(server.url, {})).toMatchObject({ status: 500, body: '{"error":"internal"}' })
  expect(errors).toEqual([new Error('a-secret')])
})

test('a partial response is aborted, so that it does not look complete', async () => {
  const errors: unknown[] = []
  server = await serve(
    authenticate(
      resolver,
      async (_, response) => {
        await new Promise((resolve) => response.write('half', resolve))
        throw new Error('broken')
      },
      { optional: true, onError: (error) => void errors.push(error) },
    ),
  )
  await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow(TypeError)
  expect(errors).toHaveLength(1)
})

test('the session has a principal unless it is optional', () => {
  authenticate(resolver, (_, __, session) => expectTypeOf(session).toEqualTypeOf<OwnedSession>())
  authenticate(resolver, (_, __, session) => expectTypeOf(session).toEqualTypeOf<ServerSession>(), { optional: true })
})
