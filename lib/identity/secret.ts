import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { decodeBase64url, encodeBase64url, isBase64url } from './encoding.ts'

/** Length of a device secret as text (32 bytes in base64url), in characters. */
const SECRET_CHARACTERS = 43

/** Returns 32 random bytes from the platform's CSPRNG: the secret of one local identity. */
export function createSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** Returns the text form of a device secret: base64url, 43 characters. */
export const formatSecret: (secret: Uint8Array) => string = encodeBase64url

/**
 * Parses the text form of a device secret.
 *
 * @param text - base64url, 43 characters, no padding
 * @returns the 32 bytes
 * @param code - of the error, where nobody typed the text
 * @throws {LatchkeyError} `SECRET_INVALID`: not the canonical text of 32 bytes; the message does not repeat it
 */
export function parseSecret(text: string, code: LatchkeyErrorCode = 'SECRET_INVALID'): Uint8Array<ArrayBuffer> {
  // One error for every invalid text. It must not carry the text, not even in its cause.
  if (text?.length !== SECRET_CHARACTERS || !isBase64url(text)) throw new LatchkeyError(code)
  return decodeBase64url(text)
}
