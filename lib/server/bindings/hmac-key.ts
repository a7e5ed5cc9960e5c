import { utf8 } from '../../identity/encoding.ts'

/** Imports an HMAC key that a secret gives for one purpose: what it signs is valid for no other purpose. */
export function hmacKey(purpose: string, secret: string): Promise<CryptoKey> {
  const bytes = utf8(`latchkey/${purpose}:${secret}`)
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
}
