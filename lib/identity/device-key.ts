import { LatchkeyError } from '../errors.ts'
import { encodeBase64url, utf8 } from './encoding.ts'
import type { CryptoSuite, HardenedKeys } from './crypto.ts'
import { nativeSuite, signWith } from './native.ts'
import { type Identifier, identifierOf, thumbprintInput } from './principal.ts'

/** Identifies key derivation, principal and token format together. Stored with each identity. */
export const PROFILE = 'latchkey/v1'

/** A device identity that can sign. */
export interface DeviceKey {
  readonly principal: string
  /** The public key's `x` as in a JWK: base64url, 43 characters. */
  readonly x: string
  /** The implementation that holds the private key. */
  readonly suite: CryptoSuite['name']
  /** Returns the 64-byte Ed25519 signature of `data`. */
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

/** Opens a device key whose secret was replaced by hardened keys. */
export function openHardenedKey({ principal, x }: Pick<DeviceKey, 'principal' | 'x'>, keys: HardenedKeys): DeviceKey {
  return {
    principal,
    x,
    suite: 'native',
    sign: (data) => signWith(keys.sign, data),
  }
}

/**
 * Derives the device key of a secret (profile `latchkey/v1`).
 *
 * @param secret - 32 bytes
 * @param suite - the implementation to use. Defaults to WebCrypto, with @noble as fallback
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`: neither implementation works here
 */
export async function openDeviceKey(
  secret: Uint8Array<ArrayBuffer>,
  suite?: CryptoSuite,
): Promise<DeviceKey & Identifier> {
  if (suite) return derive(secret, suite)
  try {
    return await derive(secret, nativeSuite)
  } catch {
    // WebKit refuses a few valid keys, and older engines refuse all: only an attempt shows whether it works.
    return derive(secret, await loadNoble())
  }
}

/** @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`: it cannot be loaded */
export async function loadNoble(): Promise<CryptoSuite> {
  try {
    const { nobleSuite } = await import('./noble.ts')
    return nobleSuite
  } catch (cause) {
    throw new LatchkeyError('CRYPTO_UNAVAILABLE', undefined, cause)
  }
}

async function derive(secret: Uint8Array<ArrayBuffer>, suite: CryptoSuite): Promise<DeviceKey & Identifier> {
  const key = await suite.signingKey(await suite.hkdf(secret, utf8(`${PROFILE}/sign`)))
  const x = encodeBase64url(key.publicKey)
  return {
    ...identifierOf(await suite.sha256(thumbprintInput(x))),
    x,
    suite: suite.name,
    sign: (data) => key.sign(data),
  }
}
