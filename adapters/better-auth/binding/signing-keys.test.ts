import { decodeProtectedHeader } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { createSigningKeys, latchkey, latchkeyJwt } from '../index.ts'
import { leave, neverAnswered } from '../../../lib/server/leaving.testing.ts'
import { post } from '../testing/requests.testing.ts'
import { AUDIENCE, type TestServer, testServer } from '../testing/server.testing.ts'

type JwtOptions = NonNullable<Parameters<typeof latchkeyJwt>[0]>

const serverWith = (jwks: JwtOptions['jwks'], more: Omit<JwtOptions, 'jwks'> = {}): Promise<TestServer> =>
  testServer({
    plugins: [
      latchkey({ exchange: { audiences: ['https://api.example'], algorithm: 'RS256' } }),
      latchkeyJwt({ ...more, jwks }),
    ],
  })

interface Key {
  readonly kid: string
  readonly alg: string
}

const published = async (server: TestServer): Promise<Key[]> => {
  const { keys } = (await (await server.browser().send('/jwks')).json()) as { keys: Key[] }
  return keys.map(({ kid, alg }) => ({ kid, alg })).toSorted((left, right) => left.alg.localeCompare(right.alg))
}

async function exchanged(server: TestServer): Promise<string> {
  const subject_token = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'exchange' })
  const answer = await server.browser().send(
    '/latchkey/token',
    post({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
      subject_token,
    }),
  )
  return ((await answer.json()) as { access_token: string }).access_token
}

const SECOND: JwtOptions['jwks'] = { keyPairConfigs: [{ alg: 'RS256' }] }

afterEach(() => vi.restoreAllMocks())

describe('the key pairs of a server', () => {
  test('are published before the first token where they were created at deploy', async () => {
    const server = await serverWith(SECOND)
    // What Better Auth does without: a consumer that reads the set once, at its start, refuses every token.
    expect((await published(server)).map(({ alg }) => alg)).toEqual(['EdDSA'])
    const keys = await createSigningKeys(server.auth)
    expect(keys.map(({ alg }) => alg)).toEqual(['EdDSA', 'RS256'])
    expect(await published(server)).toEqual(keys)
    const { kid, alg } = decodeProtectedHeader(await exchanged(server))
    expect(keys).toContainEqual({ kid, alg })
    expect(await published(server)).toEqual(keys)
  })

  test('are created once, however often this is requested', async () => {
    const server = await serverWith(SECOND)
    const all = await Promise.all([1, 2, 3].map(() => createSigningKeys(server.auth)))
    expect(new Set(all.map((keys) => JSON.stringify(keys))).size).toBe(1)
    expect(await createSigningKeys(server.auth)).toEqual(all[0])
    expect(await server.rows('jwks')).toHaveLength(2)
  })

  test('sign for others although the first request for one died, as in Workers', async () => {
    const { isAsked, asked } = neverAnswered()
    let isFirst = true
    const server = await serverWith(SECOND, {
      adapter: {
        getJwks({ context }) {
          if (!isFirst) return context.adapter.findMany<never>({ model: 'jwks' })
          isFirst = false
          return asked()
        },
      },
    })
    await leave(() => exchanged(server), isAsked)
    expect(decodeProtectedHeader(await exchanged(server)).alg).toBe('RS256')
  })

  test('are those of the options: one algorithm has one', async () => {
    const server = await serverWith({ keyPairConfig: { alg: 'RS256' }, keyPairConfigs: [{ alg: 'RS256' }] })
    expect((await createSigningKeys(server.auth)).map(({ alg }) => alg)).toEqual(['RS256'])
    expect(await server.rows('jwks')).toHaveLength(1)
  })

  test('cannot be created where another service signs, or without the jwt plugin', async () => {
    const remote = await serverWith(
      { remoteUrl: 'https://keys.example/jwks', keyPairConfig: { alg: 'RS256' } },
      { jwt: { sign: async () => 'x.y.z' } },
    )
    await expect(createSigningKeys(remote.auth)).rejects.toThrow(TypeError)
    const without = await testServer({ plugins: [latchkey()] })
    await expect(createSigningKeys(without.auth)).rejects.toThrow(/latchkeyJwt/)
  })
})
