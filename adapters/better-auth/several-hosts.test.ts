import { describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { PROOF_HEADER, createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { codeOf, post } from './testing/requests.testing.ts'
import { type TestServer, person, testServer } from './testing/server.testing.ts'

const HOSTS = ['https://one.preview.example', 'https://two.preview.example'] as const
const [ONE, TWO] = HOSTS
const API = 'https://api.example'
const at = (origin: string): string => `${origin}/api/auth`

/** One deployment under two names. Better Auth takes its base URL from the host of each request. */
const preview = (audience: string | readonly string[] = HOSTS.map(at)): Promise<TestServer> =>
  testServer({
    baseURL: { allowedHosts: HOSTS.map((host) => new URL(host).host), protocol: 'https' },
    plugins: [
      latchkey({ audience, exchange: { audiences: [API] } }),
      latchkeyJwt({ jwt: { issuer: ONE, audience: [...HOSTS] } }),
    ],
  })

interface Visitor {
  readonly device: TestDevice
  send(path: string, init?: RequestInit): Promise<Response>
  proof(purpose: 'upgrade' | 'exchange', audience?: string): Promise<string>
}

async function visit({ handler }: TestServer, origin: string): Promise<Visitor> {
  const device = await testDevice()
  let cookie = ''
  return {
    device,
    async send(path, init = {}) {
      const headers = { ...(init.headers as Record<string, string>), origin, cookie }
      const answer = await handler(new Request(`${at(origin)}${path}`, { ...init, headers }))
      cookie =
        answer.headers
          .getSetCookie()
          .map((each) => each.split(';')[0])
          .join('; ') || cookie
      return answer
    },
    proof: (purpose, audience = at(origin)) => device.proof({ audience, purpose }),
  }
}

const signUp = async (visitor: Visitor, name: string, audience?: string): Promise<Response> =>
  visitor.send('/sign-up/email', post(person(name), { [PROOF_HEADER]: await visitor.proof('upgrade', audience) }))

describe('one server under several names', () => {
  test.each(HOSTS)('accepts a proof for its own name at %s, and its tokens resolve', async (origin) => {
    const server = await preview()
    const visitor = await visit(server, origin)
    expect((await signUp(visitor, 'ada')).status).toBe(200)
    const { token } = (await (await visitor.send('/token')).json()) as { token: string }
    const resolver = createBetterAuthResolver(server.auth, { audience: HOSTS })
    expect(await resolver.resolve({ authorization: `Bearer ${token}` })).toMatchObject({
      ok: true,
      session: { authMode: 'external', principal: visitor.device.principal },
    })
    const local = await visitor.device.token({ audience: origin })
    expect(await resolver.resolve({ authorization: `Bearer ${local}` })).toMatchObject({ ok: true })
  })

  test('exchanges at each name; the metadata names the first', async () => {
    const server = await preview()
    for (const origin of HOSTS) {
      const visitor = await visit(server, origin)
      const answer = await visitor.send(
        '/latchkey/token',
        post({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
          subject_token: await visitor.proof('exchange'),
        }),
      )
      expect(answer.status).toBe(200)
      const metadata = await (await visitor.send('/.well-known/oauth-authorization-server')).json()
      expect(metadata).toMatchObject({ issuer: ONE, jwks_uri: `${at(ONE)}/jwks` })
    }
  })

  test.each([
    'https://three.preview.example/api/auth',
    'https://one.preview.example',
    'https://one.preview.example/api/auth/',
    'https://one.preview.example/api/auth2',
    'https://one.preview.example.evil.example/api/auth',
    'http://one.preview.example/api/auth',
    `${at(ONE)},${at(TWO)}`,
  ])('refuses a proof for %s', async (audience) => {
    const server = await preview()
    const refused = await signUp(await visit(server, ONE), 'ada', audience)
    expect([refused.status, await codeOf(refused)]).toEqual([401, 'TOKEN_AUDIENCE_MISMATCH'])
    expect(await server.rows('user')).toEqual([])
  })

  test('accepts a proof once, whichever name it is sent to', async () => {
    const server = await preview()
    const [one, two] = [await visit(server, ONE), await visit(server, TWO)]
    const proof = await one.proof('upgrade')
    expect((await one.send('/sign-up/email', post(person('ada'), { [PROOF_HEADER]: proof }))).status).toBe(200)
    const again = await two.send('/sign-up/email', post(person('eve'), { [PROOF_HEADER]: proof }))
    expect([again.status, await codeOf(again)]).toEqual([401, 'PROOF_REPLAYED'])
  })

  test.each<[string, unknown]>([
    ['no name', []],
    ['an empty name', [at(ONE), '']],
    ['a name that is no text', [at(ONE), 7]],
  ])('needs names: %s is a mistake', async (_, audience) => {
    await expect(preview(audience as string[])).rejects.toThrow(TypeError)
  })
})
