import { LatchkeyError } from '../errors.ts'

/** Encodes bytes as base64url without padding (RFC 4648 §5). */
export function encodeBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** Returns true if a text is canonical base64url: no padding, no stray bits, no whitespace. */
export function isBase64url(text: string): boolean {
  // Whole groups of four, then a tail whose last character has no stray bits.
  return /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/.test(text)
}

/**
 * Decodes canonical base64url; see {@link isBase64url}.
 *
 * @throws {LatchkeyError} `ENCODING_INVALID`; the message does not repeat the text
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!isBase64url(text)) throw new LatchkeyError('ENCODING_INVALID')
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
}
/** Encodes a text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
