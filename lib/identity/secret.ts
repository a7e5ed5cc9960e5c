import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, encodeBase64url, isBase64url } from './base64url.ts'

/** Characters in the text form of a device secret: 32 bytes, base64url. */
const SECRET_CHARACTERS = 43

/** Returns 32 fresh bytes from the platform's CSPRNG: the root of one local identity. */
export function createSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** Returns the text form of a device secret: base64url, 43 characters. */
export function formatSecret(secret: Uint8Array): string {
  return encodeBase64url(secret)
}

/**
 * Reads the text form of a device secret.
 *
 * @param text - base64url, 43 characters, no padding
 * @returns the 32 bytes
 * @throws {LatchkeyError} `SECRET_INVALID`: not the canonical text of 32 bytes; the message does not repeat it
 */
export function parseSecret(text: string): Uint8Array<ArrayBuffer> {
  // The one error must not carry the text, not even as its cause.
  if (text?.length !== SECRET_CHARACTERS || !isBase64url(text)) throw new LatchkeyError('SECRET_INVALID')
  return decodeBase64url(text)
}
