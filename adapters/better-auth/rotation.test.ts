import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { betterAuthIssuer, createSessionResolver } from '../../lib/server.ts'
import { NOW } from '../../lib/tokens/forge.testing.ts'
import { openSqlite } from './testing/database.testing.ts'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { newPerson } from './testing/requests.testing.ts'
import { ORIGIN, person, testServer } from './testing/server.testing.ts'

const API = 'https://api.example'
const PERIOD_S = 86_400
const GRACE_S = 3600

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000, toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const advance = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000)
const keyOf = (token: string): string | undefined => decodeProtectedHeader(token).kid

/** A user signed in at a server whose signing key lasts a day, and old ones an hour more. */
async function scene() {
  const exchange = { audiences: [API], algorithm: 'RS256' as const }
  const jwks = { rotationInterval: PERIOD_S, gracePeriod: GRACE_S, keyPairConfigs: [{ alg: 'RS256' as const }] }
  const server = await testServer({
    session: { expiresIn: 30 * PERIOD_S },
    plugins: [latchkey({ exchange }), latchkeyJwt({ jwks })],
  })
  const { browser, prove } = await newPerson(server)
  await prove('/sign-up/email', person('ada'))
  const field = async (answer: Promise<Response>, name: string): Promise<string> =>
    ((await (await answer).json()) as Record<string, string>)[name]!
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:latchkey:params:oauth:token-type:session',
    audience: API,
  })
  const elsewhere = betterAuthIssuer({
    baseURL: `${ORIGIN}/api/auth`,
    audience: [ORIGIN, API],
    fetch: (url) => server.handler(new Request(url)),
  })
  return {
    token: () => field(browser.send('/token'), 'token'),
    exchanged: () =>
      field(
        browser.send('/latchkey/token', {
          method: 'POST',
          body: form,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
        'access_token',
      ),
    published: async () =>
      ((await (await browser.send('/jwks')).json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid),
    resolvers: {
      'in one process': createBetterAuthResolver(server.auth, { audience: [ORIGIN, API] }),
      elsewhere: createSessionResolver({ external: elsewhere }),
    },
  }
}

type Scene = Awaited<ReturnType<typeof scene>>

async function outcomes({ resolvers }: Scene, token: string): Promise<string[]> {
  const all = await Promise.all(
    Object.values(resolvers).map((resolver) => resolver.resolve({ authorization: `Bearer ${token}` })),
  )
  return all.map((found) => (found.ok ? 'accepted' : found.reason))
}

const ACCEPTED = ['accepted', 'accepted']

describe('while Better Auth rotates its keys', () => {
  test.each(['token', 'exchanged'] as const)(
    'both resolvers accept every %s, of the old key and of the new one',
    async (kind) => {
      const here = await scene()
      const first = await here[kind]()
      expect(await outcomes(here, first)).toEqual(ACCEPTED)
      advance(PERIOD_S - 60)
      const last = await here[kind]()
      expect(keyOf(last)).toBe(keyOf(first))
      expect(await outcomes(here, last)).toEqual(ACCEPTED)
      advance(61)
      const next = await here[kind]()
      expect(keyOf(next)).not.toBe(keyOf(last))
      expect(await outcomes(here, next)).toEqual(ACCEPTED)
      expect(await outcomes(here, last)).toEqual(ACCEPTED)
      expect(await here.published()).toEqual(expect.arrayContaining([keyOf(last), keyOf(next)]))
    },
  )

  test('the old key is gone after the grace period, and its tokens had expired before', async () => {
    const here = await scene()
    const old = await here.token()
    advance(PERIOD_S + 1)
    const fresh = await here.token()
    expect(await outcomes(here, old)).toEqual(['TOKEN_EXPIRED', 'TOKEN_EXPIRED'])
    advance(GRACE_S)
    expect(await here.published()).toEqual([keyOf(fresh)])
    expect(await outcomes(here, await here.token())).toEqual(ACCEPTED)
  })

  test('a resolver that fetched the keys less than 30 seconds before the change accepts the new one once these are over', async () => {
    const here = await scene()
    await here.token()
    advance(PERIOD_S - 5)
    expect(await outcomes(here, await here.token())).toEqual(ACCEPTED)
    advance(6)
    const next = await here.token()
    expect(await outcomes(here, next)).toEqual(['TOKEN_KEY_UNKNOWN', 'TOKEN_KEY_UNKNOWN'])
    advance(24)
    expect(await outcomes(here, next)).toEqual(ACCEPTED)
  })
})

test("Better Auth's own secret can change: with `secrets` the signing keys can still be decrypted, without it they cannot", async () => {
  const database = openSqlite()
  const ada = person('ada')
  const answerOf = async (options: Parameters<typeof testServer>[0]): Promise<Response> => {
    const { browser, prove } = await newPerson(
      await testServer({ onAPIError: { onError: () => {} }, ...options }, database),
    )
    expect((await prove('/sign-in/email', ada)).status).toBe(200)
    return browser.send('/token')
  }
  await (await newPerson(await testServer({}, database))).prove('/sign-up/email', ada)
  const tokenOf = async (answer: Response): Promise<string> => ((await answer.json()) as { token: string }).token
  const before = await tokenOf(await answerOf({}))
  const after = await tokenOf(
    await answerOf({ secrets: [{ version: 2, value: 'another secret of at least thirty-two characters' }] }),
  )
  expect(keyOf(after)).toBe(keyOf(before))
  expect((await answerOf({ secret: 'a third secret of at least thirty-two characters' })).status).toBe(500)
})
