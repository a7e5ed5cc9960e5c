import { utf8 } from '../../identity/encoding.ts'

/** Returns true if a text equals one of the secrets. */
export type SecretCheck = (text: string) => Promise<boolean>

/**
 * Compares a text with every secret in a time that reveals nothing about them: it compares HMACs under a random key
 * that never leaves the process. Works in every runtime with WebCrypto.
 */
export function createSecretCheck(secrets: readonly string[]): SecretCheck {
  let prepared: Promise<(text: string) => Promise<Uint8Array>> | undefined
  let expected: Promise<Uint8Array[]> | undefined
  return async (text) => {
    const digest = await (prepared ??= createDigest())
    const digests = await (expected ??= Promise.all(secrets.map(digest)))
    const given = await digest(text)
    return digests.map((known) => difference(known, given)).includes(0)
  }
}

async function createDigest(): Promise<(text: string) => Promise<Uint8Array>> {
  const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return async (text) => new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(text)))
}

/** Returns 0 if the bytes are equal. Reads every byte, whatever the result. */
function difference(left: Uint8Array, right: Uint8Array): number {
  return left.reduce((sum, byte, index) => sum | (byte ^ right[index]!), left.length ^ right.length)
}
