import { LatchkeyError } from '../errors.ts'

// Whole groups of four, then a tail whose last character has no stray bits.
const CANONICAL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

/** Encodes bytes as base64url without padding (RFC 4648 §5). */
export function encodeBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Tells whether a text is the one canonical base64url form of some bytes: no padding, no stray bits, no whitespace. */
export function isBase64url(text: string): boolean {
  return CANONICAL.test(text)
}

/**
 * Decodes base64url, strictly: see {@link isBase64url}.
 *
 * @throws {LatchkeyError} `ENCODING_INVALID`; the message does not repeat the text
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!isBase64url(text)) throw new LatchkeyError('ENCODING_INVALID')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
