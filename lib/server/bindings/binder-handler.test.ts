import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDevice } from '../../testing.ts'
import { NOW } from '../../tokens/forge.testing.ts'
import { AUDIENCE, type TestIssuer, startIssuer } from '../external/issuer.testing.ts'
import { createBinderHandler } from './binder-handler.ts'
import { type ExternalBinder, createExternalBinder } from './binder.ts'
import { memoryBindingStore } from './memory-store.ts'

const SERVER = 'https://notes.example/identity'
const clock = (): number => NOW * 1000

let provider: TestIssuer
let handler: (request: Request) => Promise<Response>

const binderAt = (audience: string): ExternalBinder =>
  createExternalBinder({
    issuers: [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: AUDIENCE }],
    store: memoryBindingStore(clock),
    audience,
    secret: 'a secret of at least thirty-two characters',
    clock,
  })

beforeAll(async () => {
  provider = await startIssuer()
  handler = createBinderHandler({ binder: binderAt(SERVER), clock })
})
afterAll(() => provider.close())

async function ask(act: string, token?: string, body?: string): Promise<[number, Record<string, unknown>]> {
  const [method, path] = act.split(' ') as [string, string]
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const response = await handler(new Request(`${SERVER}${path}`, { method, headers, ...(body && { body }) }))
  expect(response.headers.get('cache-control')).toBe('no-store')
  return [response.status, (await response.json()) as Record<string, unknown>]
}

test('without a token there is no session, no challenge and no binding', async () => {
  expect(await ask('GET /session')).toEqual([200, { now: clock(), session: null }])
  for (const act of ['POST /challenge', 'POST /bind'])
    expect(await ask(act, undefined, '{}')).toMatchObject([401, { code: 'CREDENTIAL_MISSING' }])
})

test.each<[string, string | Record<string, unknown> | undefined, string]>([
  ['without a token', undefined, 'Bearer'],
  ['with a token that cannot be read', 'x', 'Bearer error="invalid_token", error_description="invalid"'],
  ['with an expired one', { exp: NOW - 1 }, 'Bearer error="invalid_token", error_description="expired"'],
  ['with a proof that does not fit', {}, 'Bearer'],
])('a 401 %s says how to authenticate (RFC 9110 §15.5.2, RFC 6750 §3)', async (_, given, expected) => {
  const token = typeof given === 'object' ? await provider.sign(given) : given
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const body = '{"proof":"x","nonce":"x"}'
  const response = await handler(new Request(`${SERVER}/bind`, { method: 'POST', headers, body }))
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, expected])
})

test('a device is bound with the nonce and the proof in the body', async () => {
  const [token, device] = [await provider.sign({ sub: 'ada', sid: 'session' }), await testDevice()]
  const [status, { nonce }] = (await ask('POST /challenge', token, '{"purpose":"bind"}')) as [number, { nonce: string }]
  expect(status).toBe(200)
  const proof = await device.proof({ audience: SERVER, purpose: 'bind', nonce, now: NOW })
  const session = { principal: device.principal, id: 'session', accountId: JSON.stringify([provider.issuer, 'ada']) }
  expect(await ask('POST /bind', token, JSON.stringify({ proof, nonce }))).toMatchObject([200, { session }])
  expect(await ask('GET /session', token)).toMatchObject([200, { session }])
})

test.each([`${SERVER}/`, 'https://NOTES.example:443/identity'])(
  'a server at %s takes the proofs that clients sign for it',
  (audience) => {
    expect(binderAt(audience).audience).toBe(SERVER)
  },
)

test.each(['POST /session', 'GET /challenge', 'GET /bind', 'GET /', 'GET /session/', 'POST /other'])(
  '%s is not found',
  async (act) => {
    expect(await ask(act, await provider.sign())).toEqual([404, { code: 'NOT_FOUND', now: expect.any(Number) }])
  },
)

test.each([
  ['that is too long', JSON.stringify({ pad: 'x'.repeat(16_384) }), 'TOKEN_TOO_LARGE'],
  ['that is no JSON', 'x', 'TOKEN_MALFORMED'],
  ['without a proof', '{"nonce":"x"}', 'BODY_INVALID'],
  ['without a nonce', '{"proof":"x"}', 'BODY_INVALID'],
  ['with another nonce', '{"proof":"x","nonce":"x"}', 'PROOF_NONCE_MISMATCH'],
])('a body %s is refused', async (_, body, code) => {
  expect((await ask('POST /bind', await provider.sign(), body))[1]).toMatchObject({ code })
})
