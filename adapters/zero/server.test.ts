import { expect, test, vi } from 'vitest'
import { createSessionResolver } from '../../lib/server.ts'
import { testDevice } from '../../lib/testing.ts'
import { zeroAuth } from './server.ts'

const AUDIENCE = 'https://notes.example'

const resolver = createSessionResolver({
  localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
  external: {
    issuer: 'https://accounts.example',
    jwksUrl: 'https://accounts.example/jwks',
    audience: AUDIENCE,
    fetch: () => Promise.reject(new TypeError('fetch failed')),
  },
})

const request = (token: string | null, principal?: string): Request =>
  new Request('https://notes.example/query', {
    method: 'POST',
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(principal !== undefined && { 'x-latchkey-principal': principal }),
    },
  })

test('the user of a client is the principal, or the one of its own that the client names', async () => {
  const device = await testDevice()
  const token = await device.token({ audience: AUDIENCE })
  const authenticate = zeroAuth(createSessionResolver({ localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } }))
  expect(await authenticate(request(token))).toMatchObject({ ok: true, userID: device.principal })
  expect(await authenticate(request(token, device.principal))).toMatchObject({ ok: true, userID: device.principal })
})

test.each(['somebody else', '', 'one, two'])('a client of %o is refused', async (principal) => {
  const device = await testDevice()
  const authenticate = zeroAuth(createSessionResolver({ localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } }))
  const found = await authenticate(request(await device.token({ audience: AUDIENCE }), principal))
  if (found.ok) throw new Error('expected a refusal')
  expect(found.response.status).toBe(401)
  expect(await found.response.json()).toMatchObject({ code: 'invalid' })
})

test('a request without a token is refused, and what cannot be checked now is 503', async () => {
  const onError = vi.fn()
  const authenticate = zeroAuth(resolver, { onError })
  const missing = await authenticate(request(null))
  if (missing.ok) throw new Error('expected a refusal')
  expect([missing.response.status, await missing.response.json()]).toEqual([
    401,
    { error: 'unauthenticated', code: 'missing' },
  ])
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: 'https://accounts.example', aud: AUDIENCE, sub: 'ada', iat, exp: iat + 60 }
  const found = await authenticate(request(`${part({ alg: 'EdDSA', kid: 'k' })}.${part(claims)}.${part({})}`))
  if (found.ok) throw new Error('expected a refusal')
  expect(found.response.status).toBe(503)
})
