import module from 'node:module'
import { verify } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSessionResolver } from '../server/resolver.ts'
import {
  ALICE,
  APP,
  BOB,
  NOW,
  ORDER,
  TOKEN_HEADER,
  VECTORS,
  encode,
  forge,
  fromLittleEndian,
  outcome,
  toLittleEndian,
  tokenClaims,
} from './forge.testing.ts'
import { createTokenVerifier } from './verify.ts'

const clock = (): number => NOW * 1000
const TOKEN = VECTORS[0]!.token

/** A folder where `sodium-native` is installed; it is no development dependency. Without it, a stand-in is used. */
const FOLDER = process.env['LATCHKEY_SODIUM']
if (!FOLDER)
  console.warn('sodium-native: a stand-in on node:crypto is used (set LATCHKEY_SODIUM to a folder that has it)')

const standIn = {
  crypto_sign_verify_detached: (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) =>
    verify(null, message, { key: { kty: 'OKP', crv: 'Ed25519', x: encode(publicKey) }, format: 'jwk' }, signature),
}

const { createRequire } = module
const sodium = (FOLDER ? createRequire(`${FOLDER}/index.js`)('sodium-native') : standIn) as typeof standIn

afterEach(() => {
  vi.restoreAllMocks()
})

/** What `require('sodium-native')` returns; a function may throw instead. */
function install(found: unknown): void {
  vi.spyOn(module, 'createRequire').mockReturnValue((() =>
    typeof found === 'function' ? (found as () => unknown)() : found) as never)
}

const verifierOf = () => createTokenVerifier({ audience: APP, clock, verifier: 'native' })
const forged = (claims = tokenClaims(), signer = ALICE): string => forge({ header: TOKEN_HEADER, claims }, signer)

describe('the native verifier', () => {
  test.each(VECTORS)('accepts the token of $principal, by sodium-native', async ({ token, principal, thumbprint }) => {
    install(sodium)
    const check = vi.spyOn(sodium, 'crypto_sign_verify_detached')
    expect(await verifierOf().verify(token)).toMatchObject({ principal, thumbprint })
    expect(check).toHaveBeenCalledOnce()
  })

  test('refuses what it refuses', async () => {
    install(sodium)
    expect(await outcome(() => verifierOf().verify(forged(tokenClaims(), BOB)))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('is trusted only if it returns true', async () => {
    install({ crypto_sign_verify_detached: () => 1 })
    expect(await outcome(() => verifierOf().verify(TOKEN))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('is asked behind the checks: small order, S, claims', async () => {
    const check = vi.fn(() => true)
    install({ crypto_sign_verify_detached: check })
    const [header, claims, signature] = TOKEN.split('.') as [string, string, string]
    const bytes = Buffer.from(signature, 'base64url')
    const above = Buffer.concat([bytes.subarray(0, 32), toLittleEndian(fromLittleEndian(bytes.subarray(32)) + ORDER)])
    const small = { ...tokenClaims(), sub_jwk: { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}` } }
    const refused = [
      `${header}.${claims}.${encode(above)}`,
      forged(small),
      forged({ ...tokenClaims(), sub: BOB.principal }),
    ]
    expect(await Promise.all(refused.map((token) => outcome(() => verifierOf().verify(token))))).toEqual([
      'TOKEN_SIGNATURE_NOT_CANONICAL',
      'TOKEN_KEY_SMALL_ORDER',
      'TOKEN_SUBJECT_MISMATCH',
    ])
    expect(check).not.toHaveBeenCalled()
  })

  test('serves the resolver too', async () => {
    install(sodium)
    const check = vi.spyOn(sodium, 'crypto_sign_verify_detached')
    const resolver = createSessionResolver({
      localFirst: { audience: APP, afterUpgrade: 'allow' },
      clock,
      verifier: 'native',
    })
    expect(await resolver.resolve({ authorization: `Bearer ${TOKEN}` })).toMatchObject({ ok: true })
    expect(check).toHaveBeenCalledOnce()
  })

  test('is never loaded unless chosen', async () => {
    install(() => {
      throw new Error('loaded')
    })
    expect(await outcome(() => createTokenVerifier({ audience: APP, clock }).verify(TOKEN))).toBe('accepted')
  })

  test.each<[string, unknown]>([
    [
      'is not installed',
      () => {
        throw new Error("Cannot find module 'sodium-native'")
      },
    ],
    ['is another package', {}],
  ])('is a typed error where it %s, and nothing else is used', async (_, found) => {
    install(found)
    expect(await outcome(() => verifierOf())).toBe('VERIFIER_UNAVAILABLE')
  })

  test('is the only choice', () => {
    expect(() => createTokenVerifier({ audience: APP, verifier: 'fast' as never })).toThrow(TypeError)
  })
})
