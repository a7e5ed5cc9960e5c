import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '../errors.ts'
import type { Purpose } from './claims.ts'
import { ACCOUNT_SERVER, APP, NOW, VECTORS, membersOf } from './forge.testing.ts'
import { createProofVerifier, createTokenVerifier } from './verify.ts'

const clock = (): number => NOW * 1000
const RUNS = 5000
const TIMEOUT_MS = 300_000

const tokens = createTokenVerifier({ audience: APP, clock })
const proofs = createProofVerifier({ audience: ACCOUNT_SERVER, clock })

/** The expectation that an unchanged proof meets. */
function verifyProof(proof: string, original: string): Promise<unknown> {
  const {
    purpose,
    nonce,
    link_to: linkTo,
  } = membersOf(original, 1) as { purpose: Purpose; nonce?: string; link_to?: string }
  return proofs.verify(proof, { purpose, nonce, linkTo })
}

type Mutation = (token: string) => string

const character = fc.oneof(fc.constantFrom(...'ABCDabcd0189-_.=+/ \n"{}'), fc.string({ minLength: 1, maxLength: 1 }))
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

function at(token: string, where: number): number {
  return Math.floor(where * token.length)
}

/** Changes the bytes of one part, so that its text stays canonical base64url. */
function inPart(part: number, change: (bytes: Buffer) => Uint8Array): Mutation {
  return (token) => {
    const parts = token.split('.')
    parts[part] = Buffer.from(change(Buffer.from(parts[part] ?? '', 'base64url'))).toString('base64url')
    return parts.join('.')
  }
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, character).map(
    ([where, other]): Mutation =>
      (token) =>
        token.slice(0, at(token, where)) + other + token.slice(at(token, where) + 1),
  ),
  fc.tuple(place, character).map(
    ([where, other]): Mutation =>
      (token) =>
        token.slice(0, at(token, where)) + other + token.slice(at(token, where)),
  ),
  fc.tuple(place, fc.nat(40)).map(
    ([where, length]): Mutation =>
      (token) =>
        token.slice(0, at(token, where)) + token.slice(at(token, where) + 1 + length),
  ),
  fc.tuple(place, place).map(
    ([from, to]): Mutation =>
      (token) =>
        token.slice(0, at(token, from)) + token.slice(at(token, to)),
  ),
  fc.tuple(place, fc.nat(7), fc.nat(2)).map(([where, bit, part]) =>
    inPart(part, (bytes) => {
      if (bytes.length) bytes[Math.floor(where * bytes.length)]! ^= 1 << bit
      return bytes
    }),
  ),
  fc
    .tuple(place, fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.nat(2))
    .map(([where, more, part]) =>
      inPart(part, (bytes) =>
        Buffer.concat([bytes.subarray(0, where * bytes.length), more, bytes.subarray(where * bytes.length)]),
      ),
    ),
  fc
    .tuple(
      fc.constantFrom('iss', 'sub', 'aud', 'iat', 'exp', 'sub_jwk', 'jti', 'purpose', 'nonce', 'link_to', 'roles'),
      fc.jsonValue(),
    )
    .map(([name, value]) => inPart(1, (bytes) => Buffer.from(withMember(bytes.toString(), name, value)))),
  fc
    .tuple(fc.constantFrom('alg', 'typ', 'crit', 'kid', 'jwk'), fc.jsonValue())
    .map(([name, value]) => inPart(0, (bytes) => Buffer.from(withMember(bytes.toString(), name, value)))),
  fc.constantFrom<Mutation>(
    (token) => token.split('.').toReversed().join('.'),
    (token) => token.split('.').slice(0, 2).join('.'),
    (token) => `${token}.`,
    (token) => token.repeat(2),
    (token) => token.repeat(8),
    (token) => token.toLowerCase(),
    (token) => `Bearer ${token}`,
    (token) => token.slice(0, token.lastIndexOf('.') + 1),
  ),
)

function withMember(json: string, name: string, value: unknown): string {
  try {
    return JSON.stringify({ ...(JSON.parse(json) as object), [name]: value })
  } catch {
    return `${json}${JSON.stringify(value)}`
  }
}

/** One to three mutations, one after the other. */
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 })

async function expectSilentRefusal(token: string, verify: () => Promise<unknown>): Promise<void> {
  const error: unknown = await verify().then(
    () => new Error('accepted'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof LatchkeyError)) throw error
  const said = `${error.message}\n${error.stack}\n${String(error.cause)}\n${JSON.stringify(error)}`
  expect(sharedPart(said, token)).toBeUndefined()
}

/** Sixteen characters in a row that both have. */
function sharedPart(said: string, token: string): string | undefined {
  const windows = (whole: string): string[] =>
    Array.from({ length: Math.max(0, whole.length - 15) }, (_, start) => whole.slice(start, start + 16))
  const parts = new Set(windows(token))
  return windows(said).find((part) => parts.has(part))
}

describe('a mutated token', () => {
  test('is never accepted, and never repeated in the error', { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...VECTORS), mutations, async ({ token }, steps) => {
        const mutated = steps.reduce((text, step) => step(text), token)
        fc.pre(mutated !== token)
        await expectSilentRefusal(mutated, () => tokens.verify(mutated))
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a mutated proof', () => {
  test('is never accepted, and never repeated in the error', { timeout: TIMEOUT_MS }, async () => {
    const proof = fc.constantFrom(
      ...VECTORS.flatMap((vector) => [vector.upgrade_proof, vector.bind_proof, vector.link_proof]),
    )
    await fc.assert(
      fc.asyncProperty(proof, mutations, async (original, steps) => {
        const mutated = steps.reduce((text, step) => step(text), original)
        fc.pre(mutated !== original)
        await expectSilentRefusal(mutated, () => verifyProof(mutated, original))
      }),
      { numRuns: RUNS },
    )
  })
})

describe('any text', () => {
  test('is refused, and never repeated in the error', { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: character, maxLength: 300 })),
        async (text) => {
          await expectSilentRefusal(text, () => tokens.verify(text))
          await expectSilentRefusal(text, () => proofs.verify(text, { purpose: 'upgrade' }))
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('what the mutations start from', () => {
  test('is accepted', async () => {
    for (const { token, upgrade_proof, bind_proof, link_proof } of VECTORS) {
      await expect(tokens.verify(token)).resolves.toBeDefined()
      for (const proof of [upgrade_proof, bind_proof, link_proof])
        await expect(verifyProof(proof, proof)).resolves.toBeDefined()
    }
  })

  test('would be found in an error that repeats it', async () => {
    const { token } = VECTORS[0]!
    const leak = new LatchkeyError('TOKEN_MALFORMED', token.slice(100, 116))
    await expect(expectSilentRefusal(token, () => Promise.reject(leak))).rejects.toThrow()
  })
})
