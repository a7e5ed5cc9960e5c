import { fc } from '../seeded.testing.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APP, NOW, VECTORS } from '../tokens/forge.testing.ts'
import { backendHeaders } from './sources/backend.ts'
import { AUDIENCE, type TestIssuer, startIssuer } from './external/issuer.testing.ts'
import { createSessionResolver } from './resolver.ts'
import type { SessionResolver } from './types.ts'
import { ANONYMOUS } from './session.ts'

const RUNS = Number(process.env['LATCHKEY_FUZZ_RUNS'] ?? 10_000)
/** Hours, for a million runs on a slow machine. */
const TIMEOUT_MS = 7_200_000
const SECRET = 'a-secret-of-32-characters-or-more'

let provider: TestIssuer
let resolver: SessionResolver
let tokens: string[]

beforeAll(async () => {
  provider = await startIssuer()
  const { issuer, jwksUrl } = provider
  resolver = createSessionResolver({
    clock: () => NOW * 1000,
    localFirst: { audience: APP, afterUpgrade: 'allow' },
    external: { issuer, jwksUrl, audience: AUDIENCE },
    backend: { secret: SECRET },
    cookieSession: { read: async () => null, origins: ['https://notes.example'] },
  })
  tokens = [
    ...VECTORS.map(({ token }) => token),
    ...(await Promise.all((['RS256', 'ES256', 'EdDSA'] as const).map((alg) => provider.sign({}, { alg })))),
  ]
  // So that what is changed is changed from tokens that the resolver has kept.
  for (const token of tokens)
    expect(await resolver.resolve({ authorization: `Bearer ${token}` })).toMatchObject({ ok: true })
})

afterAll(() => provider.close())

type Mutation = (text: string) => string

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const character = fc.oneof(fc.constantFrom(...'ABCDabcd0189-_.=+/ \n"{},'), fc.string({ minLength: 1, maxLength: 2 }))

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(2), character).map(([where, removed, added]): Mutation => (text) => {
    const at = Math.floor(where * text.length)
    return text.slice(0, at) + added + text.slice(at + removed)
  }),
  fc
    .tuple(fc.nat(2), fc.constantFrom('iss', 'sub', 'aud', 'exp', 'alg', 'kid', 'typ', 'crit', 'jwk'), fc.jsonValue())
    .map(
      ([part, name, value]): Mutation =>
        (text) =>
          inPart(text, part, name, value),
    ),
  fc.constantFrom<Mutation>(
    (text) => text.split('.').toReversed().join('.'),
    (text) => text.slice(0, text.lastIndexOf('.') + 1),
    (text) => text.repeat(2),
    (text) => `${text}, Bearer ${text}`,
  ),
)

function inPart(token: string, index: number, name: string, value: unknown): string {
  const parts = token.split('.')
  try {
    const json = JSON.parse(Buffer.from(parts[index] ?? '', 'base64url').toString()) as object
    parts[index] = Buffer.from(JSON.stringify({ ...json, [name]: value })).toString('base64url')
  } catch {
    parts[index] = `${parts[index]}A`
  }
  return parts.join('.')
}

async function expectRefusal(headers: Record<string, string>, sent: string): Promise<void> {
  const resolution = await resolver.resolve(headers)
  if (resolution.ok) throw new Error(`accepted from ${resolution.source}`)
  const response = resolution.response()
  const said = JSON.stringify([...response.headers, await response.text()])
  // Nothing of what was sent comes back.
  for (let start = 0; start + 16 <= sent.length; start += 16)
    if (said.includes(sent.slice(start, start + 16))) throw new Error('reflected')
}

describe(`in ${RUNS} runs the resolver neither fails, nor accepts, nor repeats`, () => {
  test(
    'a token that was changed',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(100), fc.array(mutation, { minLength: 1, maxLength: 3 }), async (index, steps) => {
          const token = tokens[index % tokens.length]!
          const changed = steps.reduce((text, step) => step(text), token)
          fc.pre(changed !== token && changed.trim() !== token)
          await expectRefusal({ authorization: `Bearer ${changed}` }, changed)
        }),
        { numRuns: RUNS },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'headers of impersonation with something changed in the secret',
    async () => {
      const headers = backendHeaders(SECRET, { principal: 'ada' })
      await fc.assert(
        fc.asyncProperty(mutation, fc.nat(1), async (step, which) => {
          const [name, value] = Object.entries(headers)[which]!
          const changed = step(value)
          fc.pre(changed !== value)
          const resolution = await resolver.resolve({ ...headers, [name]: changed })
          // A changed session may still be one, for the secret is right; a changed secret never is.
          expect(resolution.source).toBe('backend')
          if (which === 0) expect(resolution.ok).toBe(false)
        }),
        { numRuns: RUNS / 10 },
      )
    },
    TIMEOUT_MS,
  )

  test(
    'any headers at all',
    async () => {
      const name = fc.oneof(
        fc.constantFrom('authorization', 'cookie', 'origin', 'upgrade', 'x-latchkey-session', 'Authorization'),
        fc.string(),
      )
      const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }), fc.constant(undefined))
      await fc.assert(
        fc.asyncProperty(fc.dictionary(name, value), async (headers) => {
          const resolution = await resolver.resolve(headers)
          if (resolution.ok) expect(resolution.session).toBe(ANONYMOUS)
        }),
        { numRuns: RUNS / 10 },
      )
    },
    TIMEOUT_MS,
  )
})

test('what the changes start from is accepted', async () => {
  for (const token of tokens)
    expect(await resolver.resolve({ authorization: `Bearer ${token}` })).toMatchObject({ ok: true })
})
