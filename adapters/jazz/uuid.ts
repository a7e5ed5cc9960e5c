import { digest } from '../../lib/profile.ts'

const HYPHENATED = '[\\da-fA-F]{8}(?:-[\\da-fA-F]{4}){3}-[\\da-fA-F]{12}'

/** The forms that Jazz reads: simple, hyphenated, braced, and the URN of RFC 9562 §4. */
const UUID = new RegExp(`^(?:[\\da-fA-F]{32}|${HYPHENATED}|\\{${HYPHENATED}\\}|urn:uuid:${HYPHENATED})$`)

/** Returns a UUID in lower case with hyphens, or undefined if the text is none. */
export function normalizeUuid(text: string): string | undefined {
  return UUID.test(text) ? format(text.replace(/^urn:uuid:|[{}-]/g, '').toLowerCase()) : undefined
}

/**
 * Returns the UUIDv5 of a name (RFC 9562 §5.5).
 *
 * @param namespace - 16 bytes
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`
 */
export async function uuidV5(namespace: Uint8Array, name: Uint8Array): Promise<string> {
  const bytes = (await digest('SHA-1', new Uint8Array([...namespace, ...name]))).slice(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return format(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''))
}

/** @param digits - 32 hexadecimal digits */
function format(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
