import crypto from 'node:crypto'
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { type ManualClock, manualClock } from '../testing/clock.ts'
import {
  ACCOUNT_SERVER,
  ALICE,
  APP,
  BOB,
  type Forger,
  NOW,
  PROOF_HEADER,
  TOKEN_HEADER,
  forge,
  outcome,
  proofClaims,
  VECTORS,
  forgerOf,
  tokenClaims,
} from './forge.testing.ts'
import { type TokenVerifier, createProofVerifier, createTokenVerifier } from './verify.ts'

let clock: ManualClock
/** How often a signature was checked, and a public key made. */
let checked: MockInstance
let imported: MockInstance

beforeEach(() => {
  clock = manualClock(NOW * 1000)
  checked = vi.spyOn(crypto, 'verify')
  imported = vi.spyOn(crypto, 'createPublicKey')
})

afterEach(() => {
  vi.restoreAllMocks()
})

function verifierOf(cacheSize?: number): TokenVerifier {
  return createTokenVerifier({ audience: APP, clock: clock.now, cacheSize })
}

/** A valid token; another one for each age. */
function tokenOf(age: number, forger: Forger = ALICE): string {
  return forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(forger), iat: NOW - age } }, forger)
}

describe('verified tokens', () => {
  test('are not verified again', async () => {
    const verifier = verifierOf()
    const first = await verifier.verify(tokenOf(0))
    expect(await verifier.verify(tokenOf(0))).toBe(first)
    expect(checked).toHaveBeenCalledOnce()
  })

  test('are kept up to the limit, the oldest forgotten first', async () => {
    const verifier = verifierOf(2)
    for (const age of [1, 2, 3]) await verifier.verify(tokenOf(age))
    expect(checked).toHaveBeenCalledTimes(3)
    for (const age of [2, 3]) await verifier.verify(tokenOf(age))
    expect(checked).toHaveBeenCalledTimes(3)
    await verifier.verify(tokenOf(1))
    expect(checked).toHaveBeenCalledTimes(4)
  })

  test('lend their signature to no other text', async () => {
    const verifier = verifierOf()
    await verifier.verify(tokenOf(0))
    const signature = tokenOf(0).split('.')[2]!
    const input = tokenOf(1).split('.').slice(0, 2).join('.')
    const forged = [`${input}.${signature}`, `A${tokenOf(0)}`, signature, signature.slice(-43)]
    for (const token of forged) expect(await outcome(() => verifier.verify(token))).not.toBe('accepted')
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('accepted')
  })

  test('are not kept with a limit of 0', async () => {
    const verifier = verifierOf(0)
    for (let run = 0; run < 3; run++) await verifier.verify(tokenOf(0))
    expect(checked).toHaveBeenCalledTimes(3)
  })

  test('are kept in one verifier only', async () => {
    await verifierOf().verify(tokenOf(0))
    const other = createTokenVerifier({ audience: 'https://other.example', clock: clock.now })
    expect(await outcome(() => other.verify(tokenOf(0)))).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test('are refused on a hit once they expired, and forgotten', async () => {
    const verifier = verifierOf()
    await verifier.verify(tokenOf(0))
    clock.advance(900_000 - 1)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('accepted')
    clock.advance(1)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('TOKEN_EXPIRED')
    expect(checked).toHaveBeenCalledOnce()
    clock.advance(-1)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('accepted')
    expect(checked).toHaveBeenCalledTimes(2)
  })

  test('are refused on a hit by a clock that moved back, and not forgotten', async () => {
    const verifier = verifierOf()
    await verifier.verify(tokenOf(0))
    clock.advance(-60_000)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('accepted')
    clock.advance(-1)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('TOKEN_NOT_YET_VALID')
    clock.advance(60_001)
    expect(await outcome(() => verifier.verify(tokenOf(0)))).toBe('accepted')
    expect(checked).toHaveBeenCalledOnce()
  })

  test('are frozen to the last member, so that no caller changes what the next one gets', async () => {
    const verifier = verifierOf()
    const result = await verifier.verify(tokenOf(0))
    for (const part of [result, result.claims, result.claims.sub_jwk]) expect(Object.isFrozen(part)).toBe(true)
    expect(() => Object.assign(result.claims.sub_jwk, { x: BOB.x })).toThrow(TypeError)
    expect(() => Object.assign(result, { principal: BOB.principal })).toThrow(TypeError)
    expect(await verifier.verify(tokenOf(0))).toMatchObject({ principal: ALICE.principal, claims: tokenClaims() })
  })
})

describe('a token that failed', () => {
  test('is never kept as good', async () => {
    const verifier = verifierOf()
    const forged = forge({ header: TOKEN_HEADER, claims: tokenClaims() }, BOB)
    for (let run = 0; run < 3; run++)
      expect(await outcome(() => verifier.verify(forged))).toBe('TOKEN_SIGNATURE_INVALID')
    expect(checked).toHaveBeenCalledTimes(3)
  })

  test('does not ride on a good one with the same claims', async () => {
    const verifier = verifierOf()
    await verifier.verify(tokenOf(0))
    const [header, claims] = tokenOf(0).split('.')
    const [, , other] = tokenOf(1).split('.')
    expect(await outcome(() => verifier.verify(`${header}.${claims}.${other}`))).toBe('TOKEN_SIGNATURE_INVALID')
    expect(await outcome(() => verifier.verify(`${tokenOf(0)} `))).toBe('TOKEN_ENCODING_INVALID')
  })

  test('because it was early is accepted when its time has come', async () => {
    const verifier = verifierOf()
    expect(await outcome(() => verifier.verify(tokenOf(-61)))).toBe('TOKEN_NOT_YET_VALID')
    clock.advance(1000)
    expect(await outcome(() => verifier.verify(tokenOf(-61)))).toBe('accepted')
  })

  test('does not push a good one out', async () => {
    const verifier = verifierOf(1)
    await verifier.verify(tokenOf(0))
    const forged = forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), iat: NOW - 5 } }, BOB)
    expect(await outcome(() => verifier.verify(forged))).toBe('TOKEN_SIGNATURE_INVALID')
    checked.mockClear()
    await verifier.verify(tokenOf(0))
    expect(checked).not.toHaveBeenCalled()
  })
})

describe('public keys', () => {
  test('are imported once', async () => {
    const verifier = verifierOf()
    for (const age of [1, 2, 3]) await verifier.verify(tokenOf(age))
    expect(imported).toHaveBeenCalledOnce()
  })

  test('are kept up to the limit', async () => {
    const verifier = verifierOf(1)
    const sequence: [number, Forger][] = [
      [1, ALICE],
      [2, ALICE],
      [3, BOB],
      [4, BOB],
      [5, ALICE],
      [6, ALICE],
    ]
    for (const [age, forger] of sequence) await verifier.verify(tokenOf(age, forger))
    expect(imported).toHaveBeenCalledTimes(3)
  })

  test('that are used twice are not displaced by a flood of others', async () => {
    const verifier = verifierOf(2)
    for (const age of [1, 2]) await verifier.verify(tokenOf(age))
    for (const forger of VECTORS.slice(1).map(forgerOf)) await verifier.verify(tokenOf(3, forger))
    await verifier.verify(tokenOf(4))
    expect(imported).toHaveBeenCalledOnce()
  })

  test('are no proof of the next signature', async () => {
    const verifier = verifierOf()
    await verifier.verify(tokenOf(0))
    const forged = forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), iat: NOW - 1 } }, BOB)
    expect(await outcome(() => verifier.verify(forged))).toBe('TOKEN_SIGNATURE_INVALID')
    const swapped = forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), sub: BOB.principal } })
    expect(await outcome(() => verifier.verify(swapped))).toBe('TOKEN_SUBJECT_MISMATCH')
  })
})

describe('proofs', () => {
  test('are verified each time, their keys imported once', async () => {
    const verifier = createProofVerifier({ audience: ACCOUNT_SERVER, clock: clock.now })
    const proof = forge({ header: PROOF_HEADER, claims: proofClaims() })
    const first = await verifier.verify(proof, { purpose: 'upgrade' })
    const second = await verifier.verify(proof, { purpose: 'upgrade' })
    expect(second).toEqual(first)
    expect(checked).toHaveBeenCalledTimes(2)
    expect(imported).toHaveBeenCalledOnce()
    for (const part of [first, first.claims, first.claims.sub_jwk]) expect(Object.isFrozen(part)).toBe(true)
  })
})
