import { sha1 } from '@noble/hashes/legacy.js'
import { sha512 } from '@noble/hashes/sha2.js'

/** The digests that `latchkey/v1` does not use, for pages outside a secure context. */
export const NOBLE_DIGESTS: Readonly<Record<'SHA-1' | 'SHA-512', (data: Uint8Array) => Uint8Array<ArrayBuffer>>> = {
  'SHA-1': sha1,
  'SHA-512': sha512,
}
