import nodeCrypto from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ManualClock, manualClock } from '../../testing/clock.ts'
import { NOW } from '../../tokens/forge.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { AUDIENCE, SUBJECT, type TestIssuer, startIssuer } from './issuer.testing.ts'
import { type SessionResolverOptions, createSessionResolver } from '../resolver.ts'
import type { SessionResolver } from '../types.ts'

let provider: TestIssuer
let clock: ManualClock

beforeAll(async () => {
  provider = await startIssuer()
})

afterAll(() => provider.close())

beforeEach(() => {
  clock = manualClock(NOW * 1000)
})

afterEach(() => {
  provider.answerWith()
  vi.restoreAllMocks()
})

function resolverOf(issuer: Partial<ExternalIssuer> = {}, options: SessionResolverOptions = {}): SessionResolver {
  return createSessionResolver({
    clock: clock.now,
    external: { issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: AUDIENCE, ...issuer },
    ...options,
  })
}

async function reasonOf(resolver: SessionResolver, token: string): Promise<string> {
  const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
  return resolution.ok ? 'accepted' : resolution.reason
}

/** How many signatures are verified by a call, by WebCrypto or by node:crypto. */
async function signaturesOf(call: () => Promise<unknown>): Promise<number> {
  const [web, node] = [vi.spyOn(crypto.subtle, 'verify'), vi.spyOn(nodeCrypto, 'verify')]
  await call()
  const signed = [...web.mock.calls.map(([, , , bytes]) => bytes), ...node.mock.calls.map(([, bytes]) => bytes)]
  for (const spy of [web, node]) spy.mockRestore()
  return signed.filter((bytes) => provider.hasSigned(bytes)).length
}

const serve = (keys: readonly object[]): void =>
  provider.answerWith((_, response) => void response.end(JSON.stringify({ keys })))
const DAY_S = 86_400

describe('an external token that was verified before', () => {
  test('has its signature verified once', async () => {
    const resolver = resolverOf()
    const token = await provider.sign()
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(1)
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(0)
  })

  test('gives the same session', async () => {
    const resolver = resolverOf({ aliases: true })
    const authorization = `Bearer ${await provider.sign({ auth_mode: 'external', aliases: ['alias'], org: { role: 'editor' } })}`
    const first = await resolver.resolve({ authorization })
    expect(await resolver.resolve({ authorization })).toEqual(first)
    expect(first).toMatchObject({
      ok: true,
      source: 'external',
      session: { principal: SUBJECT, principals: [SUBJECT, 'alias'], claims: { org: { role: 'editor' } } },
    })
  })

  test('gives no session that a handler changed, to the last member of a claim', async () => {
    const resolver = resolverOf()
    const authorization = `Bearer ${await provider.sign({ org: { roles: ['reader'], nested: [{ id: 1 }] } })}`
    const first = await resolver.resolve({ authorization })
    if (!first.ok) throw new Error('refused')
    const { org } = first.session.claims as { org: { roles: string[]; nested: { id: number }[] } }
    for (const [part, name] of [
      [first.session.claims, 'admin'],
      [org, 'admin'],
      [org.roles, 0],
      [org.nested[0]!, 'id'],
    ] as const)
      expect(Reflect.set(part, name, 'owner')).toBe(false)
    expect(await resolver.resolve({ authorization })).toMatchObject({
      session: { claims: { org: { roles: ['reader'], nested: [{ id: 1 }] } } },
    })
  })

  test('ends in time all the same, with and without a tolerance', async () => {
    const token = await provider.sign({ exp: NOW + 60 })
    for (const clockTolerance of [0, 30]) {
      clock = manualClock(NOW * 1000)
      const resolver = resolverOf({ clockTolerance })
      expect(await reasonOf(resolver, token)).toBe('accepted')
      clock.advance((60 + clockTolerance) * 1000 - 1)
      expect(await reasonOf(resolver, token)).toBe('accepted')
      clock.advance(1)
      expect(await reasonOf(resolver, token)).toBe('TOKEN_EXPIRED')
    }
  })

  test('has not begun where the clock was put back', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ nbf: NOW - 10 })
    expect(await reasonOf(resolver, token)).toBe('accepted')
    clock.advance(-10_000)
    expect(await reasonOf(resolver, token)).toBe('accepted')
    clock.advance(-1)
    expect(await reasonOf(resolver, token)).toBe('TOKEN_NOT_YET_VALID')
  })

  test('is refused once its key is gone', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ exp: NOW + DAY_S })
    expect(await reasonOf(resolver, token)).toBe('accepted')
    serve(provider.jwks.filter(({ kid }) => kid !== 'RS256'))
    clock.advance(600_000)
    expect(await reasonOf(resolver, token)).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('is refused once another key has the name of its own', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ exp: NOW + DAY_S })
    expect(await reasonOf(resolver, token)).toBe('accepted')
    serve([{ ...(await exportJWK((await generateKeyPair('RS256')).publicKey)), kid: 'RS256' }])
    clock.advance(600_000)
    expect(await reasonOf(resolver, token)).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('is verified anew with the keys that were got anew', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ exp: NOW + DAY_S })
    await reasonOf(resolver, token)
    clock.advance(600_000)
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(1)
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(0)
  })

  test('does not outlast the day for which keys count while the issuer is down', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ exp: NOW + 3 * DAY_S })
    await reasonOf(resolver, token)
    provider.answerWith((_, response) => void response.writeHead(503).end())
    clock.advance(DAY_S * 1000 - 1)
    expect(await reasonOf(resolver, token)).toBe('accepted')
    clock.advance(1)
    expect(await reasonOf(resolver, token)).toBe('KEYS_UNAVAILABLE')
  })

  test('is judged by the app each time', async () => {
    const isAccount = vi.fn().mockReturnValueOnce(true).mockReturnValueOnce(false)
    const principal = vi.fn(async () => 'bound')
    const resolver = resolverOf({ isAccount, principal })
    const token = await provider.sign()
    expect(await reasonOf(resolver, token)).toBe('accepted')
    expect(await reasonOf(resolver, token)).toBe('TOKEN_NOT_AN_ACCOUNT')
    isAccount.mockReturnValue(true)
    expect(await reasonOf(resolver, token)).toBe('accepted')
    expect(principal).toHaveBeenCalledTimes(2)
  })

  test('is itself and no other: one that ends in other characters is refused', async () => {
    const resolver = resolverOf()
    const token = await provider.sign()
    await reasonOf(resolver, token)
    for (const other of [token.slice(0, -1), `${token}A`, `${token}.`, token.replace('.', '..')])
      expect(await reasonOf(resolver, other)).not.toBe('accepted')
  })

  test('is known to the issuer that it is from alone', async () => {
    const second = await startIssuer()
    const both = [
      { issuer: provider.issuer, jwksUrl: provider.jwksUrl },
      { issuer: second.issuer, jwksUrl: second.jwksUrl, principal: 'namespaced' as const },
    ]
    const resolver = resolverOf({}, { external: both })
    const tokens = [await provider.sign(), await second.sign()]
    const principals = async (): Promise<unknown[]> =>
      Promise.all(
        tokens.map(async (token) => {
          const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
          return resolution.ok && resolution.session.principal
        }),
      )
    const first = await principals()
    expect(first).toEqual([SUBJECT, expect.stringMatching(/^urn:latchkey:external:/)])
    expect(await principals()).toEqual(first)
    await second.close()
  })
})

describe('what is kept', () => {
  test.each([
    ['nothing with a size of 0', 0, 2],
    ['as many as the size says', 2, 0],
  ])('is %s', async (_, cacheSize, signatures) => {
    const resolver = resolverOf({}, { cacheSize })
    const tokens = [await provider.sign({ n: 1 }), await provider.sign({ n: 2 })]
    for (const token of tokens) await reasonOf(resolver, token)
    expect(
      await signaturesOf(async () => {
        for (const token of tokens) expect(await reasonOf(resolver, token)).toBe('accepted')
      }),
    ).toBe(signatures)
  })

  test('is the latest', async () => {
    const resolver = resolverOf({}, { cacheSize: 1 })
    const [first, second] = [await provider.sign({ n: 1 }), await provider.sign({ n: 2 })]
    for (const token of [first, second]) await reasonOf(resolver, token)
    expect(await signaturesOf(() => reasonOf(resolver, second))).toBe(0)
    expect(await signaturesOf(() => reasonOf(resolver, first))).toBe(1)
  })

  test('is no token over 4 KiB', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ pad: 'a'.repeat(4000) })
    await reasonOf(resolver, token)
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(1)
  })

  test('is no token for which several keys had to be tried', async () => {
    const { publicKey } = await generateKeyPair('RS256')
    serve([{ ...(await exportJWK(publicKey)), kid: 'RS256' }, ...provider.jwks])
    const resolver = resolverOf()
    const token = await provider.sign()
    await reasonOf(resolver, token)
    expect(await signaturesOf(async () => expect(await reasonOf(resolver, token)).toBe('accepted'))).toBe(2)
  })

  test('is nothing that was refused', async () => {
    const resolver = resolverOf()
    const token = await provider.sign({ aud: 'https://other.example' })
    for (const run of [1, 2]) expect([run, await reasonOf(resolver, token)]).toEqual([run, 'TOKEN_AUDIENCE_MISMATCH'])
  })

  test.each([-1, Number.NaN, 'many'])('cannot be %j', (cacheSize) => {
    expect(() => createSessionResolver({ cacheSize: cacheSize as never })).toThrow(TypeError)
  })
})

test('a clock that answers NaN makes no external token eternal', async () => {
  let now = NOW * 1000
  const publicKey = (await exportJWK(provider.keys.RS256.publicKey)) as Record<string, unknown>
  const resolver = createSessionResolver({
    clock: () => now,
    external: { issuer: provider.issuer, publicKey, audience: AUDIENCE },
  })
  const [seen, unseen] = [await provider.sign({ n: 1 }), await provider.sign({ n: 2 })]
  expect(await reasonOf(resolver, seen)).toBe('accepted')
  now = Number.NaN
  expect(await reasonOf(resolver, seen)).toBe('TOKEN_EXPIRED')
  expect(await reasonOf(resolver, unseen)).not.toBe('accepted')
})
