import { utf8 } from '../../lib/profile.ts'
import { normalizeUuid, uuidV5 } from './uuid.ts'

/** The namespace for domain names (RFC 9562 §6.6): `6ba7b810-9dad-11d1-80b4-00c04fd430c8`. */
const DNS_NAMESPACE = Uint8Array.of(
  ...[0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8],
)

/**
 * Returns the `aud` that Jazz uses for an app: a UUID in lower case with hyphens. A UUID in any form stays the same
 * UUID; every other name becomes its UUIDv5.
 *
 * @param name - the app id, or any other name on which client and server agree
 * @throws {TypeError} not a string, or one that is not well-formed Unicode
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`
 */
export async function jazzAudience(name: string): Promise<string> {
  // An unpaired surrogate has no UTF-8: different names would become the same audience.
  if (typeof name !== 'string' || /\p{Surrogate}/u.test(name)) throw new TypeError('audience: expected a string')
  return normalizeUuid(name) ?? uuidV5(DNS_NAMESPACE, utf8(name))
}
