import { deriveAppKey } from '../identity/app-key.ts'
import type { CryptoSuite } from '../identity/crypto.ts'
import { type DeviceKey, openDeviceKey } from '../identity/device-key.ts'
import { createSecret, formatSecret, parseSecret } from '../identity/secret.ts'
import { type TokenInput, mintToken } from '../tokens/mint.ts'
import { type ProofInput, mintProof } from '../tokens/prove.ts'

/** A device key that also derives the keys of `auth.deriveKey`. */
export interface TestKey extends DeviceKey {
  /** Returns the 32-byte key for `purpose`. It is the same on every device with the same secret. */
  deriveKey(purpose: string): Promise<Uint8Array<ArrayBuffer>>
}

/** A device identity without a store, for tests of servers. */
export interface TestDevice {
  readonly principal: string
  /** RFC 7638 thumbprint of its public key. */
  readonly thumbprint: string
  /** Its secret as text, to create the same device again. */
  readonly secret: string
  readonly key: TestKey
  /** Signs a local-first token. `now` is in seconds since 1970 and defaults to the system clock. */
  token(input: Omit<TokenInput, 'now'> & { readonly now?: number }): Promise<string>
  /** Signs a proof. `now` is in seconds since 1970 and defaults to the system clock. */
  proof(input: Omit<ProofInput, 'now'> & { readonly now?: number }): Promise<string>
}

/** Creates a device. `secret` is the text form and defaults to a new one. `suite` selects the implementation. */
export async function testDevice(
  secret: string = formatSecret(createSecret()),
  suite?: CryptoSuite,
): Promise<TestDevice> {
  const key = await openDeviceKey(parseSecret(secret), suite)
  const now = (): number => Date.now() / 1000
  return {
    principal: key.principal,
    thumbprint: key.thumbprint,
    secret,
    key: { ...key, deriveKey: (purpose) => deriveAppKey(parseSecret(secret), purpose, key.suite, suite) },
    token: (input) => mintToken(key, { now: now(), ...input }),
    proof: (input) => mintProof(key, { now: now(), ...input }),
  }
}
