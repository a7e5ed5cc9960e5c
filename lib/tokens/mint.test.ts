import { describe, expect, test } from 'vitest'
import type { CryptoSuite } from '../identity/crypto.ts'
import { type DeviceKey, openDeviceKey } from '../identity/device-key.ts'
import { nativeSuite } from '../identity/native.ts'
import { nobleSuite } from '../identity/noble.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Purpose } from './claims.ts'
import { ACCOUNT_SERVER, APP, NOW, VECTORS, membersOf } from './forge.testing.ts'
import { mintToken } from './mint.ts'
import { mintProof } from './prove.ts'
import { createProofVerifier, createTokenVerifier } from './verify.ts'

const clock = (): number => NOW * 1000

describe.each([nativeSuite, nobleSuite])('with the suite $name', (suite) => {
  describe.each(VECTORS)('the key of $secret', (vector) => {
    const open = (): Promise<DeviceKey> => openDeviceKey(parseSecret(vector.secret), suite)

    test('mints the token of the vector, byte for byte', async () => {
      expect(await mintToken(await open(), { audience: APP, now: vector.now })).toBe(vector.token)
    })

    test.each([
      ['upgrade', vector.upgrade_proof],
      ['bind', vector.bind_proof],
      ['link', vector.link_proof],
    ])('mints the %s proof of the vector, byte for byte', async (_, proof) => {
      const { aud, jti, purpose, nonce, link_to: linkTo } = membersOf(proof, 1) as Record<string, string>
      const input = { audience: aud!, now: vector.now, jti: jti!, purpose: purpose as Purpose, nonce, linkTo }
      expect(await mintProof(await open(), input)).toBe(proof)
    })
  })
})

describe.each(VECTORS)('a verifier accepts of $secret', (vector) => {
  test('the token', async () => {
    const { principal, thumbprint, claims } = await createTokenVerifier({ audience: APP, clock }).verify(vector.token)
    expect({ principal, thumbprint }).toEqual({ principal: vector.principal, thumbprint: vector.thumbprint })
    expect(claims).toEqual(membersOf(vector.token, 1))
  })

  test.each([vector.upgrade_proof, vector.bind_proof, vector.link_proof])('the proof …%#', async (proof) => {
    const payload = membersOf(proof, 1) as { purpose: Purpose; nonce?: string; link_to?: string }
    const expectation = { purpose: payload.purpose, nonce: payload.nonce, linkTo: payload.link_to }
    const { principal, thumbprint, claims } = await createProofVerifier({ audience: ACCOUNT_SERVER, clock }).verify(
      proof,
      expectation,
    )
    expect({ principal, thumbprint }).toEqual({ principal: vector.principal, thumbprint: vector.thumbprint })
    expect(claims).toEqual(payload)
  })
})

describe('minting', () => {
  const open = (suite?: CryptoSuite): Promise<DeviceKey> => openDeviceKey(parseSecret(VECTORS[0]!.secret), suite)

  test('rounds a fractional time down', async () => {
    expect(await mintToken(await open(), { audience: APP, now: NOW + 0.999 })).toBe(VECTORS[0]!.token)
  })

  test('takes a lifetime for a token', async () => {
    const token = await mintToken(await open(), { audience: APP, now: NOW, lifetime: 3600 })
    expect(membersOf(token, 1)).toMatchObject({ iat: NOW, exp: NOW + 3600 })
  })

  test('gives every proof a jti of its own, of 16 bytes', async () => {
    const key = await open()
    const mint = (): Promise<string> => mintProof(key, { audience: ACCOUNT_SERVER, now: NOW, purpose: 'exchange' })
    const proofs = await Promise.all(Array.from({ length: 20 }, mint))
    const jtis = proofs.map((proof) => String(membersOf(proof, 1)['jti']))
    expect(new Set(jtis).size).toBe(20)
    expect(jtis.every((jti) => Buffer.from(jti, 'base64url').length === 16)).toBe(true)
  })

  test('leaves out what was not given', async () => {
    const proof = await mintProof(await open(), { audience: ACCOUNT_SERVER, now: NOW, purpose: 'exchange' })
    expect(Object.keys(membersOf(proof, 1))).toEqual(['iss', 'sub', 'aud', 'iat', 'exp', 'jti', 'purpose', 'sub_jwk'])
  })
})
