import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isLatchkeyError } from '../errors.ts'
import { VECTORS, forgerOf } from '../tokens/forge.testing.ts'
import { deriveAppKey } from './app-key.ts'
import { openDeviceKey } from './device-key.ts'
import { nativeSuite } from './native.ts'
import { nobleSuite } from './noble.ts'
import { identifierOf, thumbprintInput } from './principal.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.doUnmock('./noble.ts')
})

describe.each([nativeSuite, nobleSuite])('profile latchkey/v1 with $name', (suite) => {
  describe.each(VECTORS)('secret $secret_hex', (vector) => {
    const open = (): ReturnType<typeof openDeviceKey> => openDeviceKey(bytesOf(vector.secret_hex), suite)

    test('gives the principal, the thumbprint and the public key', async () => {
      const { principal, thumbprint, x, suite: name } = await open()
      expect({ principal, thumbprint, x }).toEqual({
        principal: vector.principal,
        thumbprint: vector.thumbprint,
        x: vector.x,
      })
      expect(name).toBe(suite.name)
    })

    test('gives the signing seed and its public key, byte for byte', async () => {
      const seed = await suite.hkdf(bytesOf(vector.secret_hex), utf8('latchkey/v1/sign'))
      expect(hexOf(seed)).toBe(vector.signing_seed_hex)
      expect(hexOf((await suite.signingKey(seed)).publicKey)).toBe(vector.public_key_hex)
    })

    test('gives the derived keys, of the app root', async () => {
      const key = await open()
      const root = await suite.hkdf(bytesOf(vector.secret_hex), utf8('latchkey/v1/app'))
      expect(hexOf(root)).toBe(vector.app_root_hex)
      for (const [purpose, hex] of Object.entries(vector.derived_keys)) {
        expect(hexOf(await deriveAppKey(bytesOf(vector.secret_hex), purpose, key.suite))).toBe(hex)
        expect(hexOf(await deriveAppKey(bytesOf(vector.secret_hex), purpose, key.suite, suite))).toBe(hex)
        expect(hexOf(await suite.hkdf(bytesOf(vector.app_root_hex), utf8(purpose)))).toBe(hex)
      }
    })

    test('signs as node:crypto does', async () => {
      const key = await open()
      for (const length of [0, 1, 200]) {
        const data = new Uint8Array(length).fill(7)
        expect(hexOf(await key.sign(data))).toBe(hexOf(forgerOf(vector).sign(data)))
      }
    })
  })

  test('hashes as FIPS 180-2 does', async () => {
    expect(hexOf(await suite.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
  })

  test('derives as RFC 5869 with an empty salt does', async () => {
    // Appendix A.3: the first 32 of its 42 bytes.
    expect(hexOf(await suite.hkdf(new Uint8Array(22).fill(0x0b), new Uint8Array(0)))).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
    )
  })

  test('derives another key for an empty purpose', async () => {
    const vector = VECTORS[0]!
    const key = await deriveAppKey(bytesOf(vector.secret_hex), '', suite.name)
    expect(hexOf(key)).toBe(expandOnce(vector.app_root_hex, ''))
  })
})

describe('identifierOf', () => {
  test('sets the version and variant bits of UUIDv8 and no others', () => {
    const zeros = identifierOf(new Uint8Array(32))
    const ones = identifierOf(new Uint8Array(32).fill(0xff))
    expect(zeros.principal).toBe('00000000-0000-8000-8000-000000000000')
    expect(ones.principal).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff')
    expect(ones.thumbprint).toBe('__________________________________________8')
  })

  // node:crypto gives a Buffer, whose slices share its memory.
  test.each([new Uint8Array(32).fill(0xff), Buffer.alloc(32, 0xff)])('leaves the digest as it was: %o', (digest) => {
    const { thumbprint } = identifierOf(digest)
    expect(hexOf(digest)).toBe('ff'.repeat(32))
    expect(thumbprint).toBe('__________________________________________8')
  })

  test('reads the thumbprint input of RFC 8037 appendix A.3', async () => {
    const digest = await nativeSuite.sha256(thumbprintInput('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'))
    expect(identifierOf(digest).thumbprint).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})

describe('openDeviceKey without a suite', () => {
  const vector = VECTORS[1]!
  const open = (): ReturnType<typeof openDeviceKey> => openDeviceKey(bytesOf(vector.secret_hex))

  test('takes WebCrypto', async () => {
    expect(await open()).toMatchObject({ suite: 'native', principal: vector.principal })
  })

  test('takes @noble where the engine refuses the key', async () => {
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new DOMException('no Ed25519', 'NotSupportedError'))
    expect(await open()).toMatchObject({ suite: 'noble', principal: vector.principal })
  })

  test('takes @noble where there is no secure context', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    expect(await open()).toMatchObject({ suite: 'noble', principal: vector.principal })
  })

  test('takes @noble where the engine exports no public key', async () => {
    vi.spyOn(crypto.subtle, 'exportKey').mockResolvedValue({ kty: 'OKP', crv: 'Ed25519' } as never)
    expect(await open()).toMatchObject({ suite: 'noble', principal: vector.principal })
  })

  test('fails where neither works', async () => {
    vi.resetModules()
    vi.doMock('./noble.ts', () => {
      throw new Error('import() is disallowed')
    })
    vi.stubGlobal('crypto', {})
    const fresh = await import('./device-key.ts')
    const error: unknown = await fresh.openDeviceKey(bytesOf(vector.secret_hex)).catch((thrown: unknown) => thrown)
    expect(isLatchkeyError(error, 'CRYPTO_UNAVAILABLE')).toBe(true)
  })
})

describe('the private key', () => {
  test('cannot be exported from the native suite', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey')
    const sign = vi.spyOn(crypto.subtle, 'sign')
    const key = await openDeviceKey(bytesOf(VECTORS[0]!.secret_hex), nativeSuite)
    await key.sign(new Uint8Array(1))
    expect(importKey).toHaveBeenCalled()
    expect((sign.mock.calls[0]![1] as CryptoKey).extractable).toBe(false)
  })

  test('is in no member of a device key', async () => {
    const vector = VECTORS[3]!
    const shown = JSON.stringify(await openDeviceKey(bytesOf(vector.secret_hex), nobleSuite))
    expect(shown).not.toContain(vector.secret)
    expect(shown).not.toContain(Buffer.from(vector.signing_seed_hex, 'hex').toString('base64url'))
  })
})

/** HKDF (RFC 5869) with an empty salt and one block of output, by node:crypto. */
function expandOnce(ikmHex: string, info: string): string {
  const prk = createHmac('sha256', Buffer.alloc(32)).update(Buffer.from(ikmHex, 'hex')).digest()
  return createHmac('sha256', prk)
    .update(Buffer.concat([Buffer.from(info), Buffer.of(1)]))
    .digest('hex')
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
