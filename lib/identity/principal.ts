import { encodeBase64url, utf8 } from './encoding.ts'

/** The identifiers of a public key. */
export interface Identifier {
  /** The stable identifier that owns data: a lower-case UUIDv8 (RFC 9562). */
  readonly principal: string
  /** RFC 7638 SHA-256 thumbprint of the public key, base64url, 43 characters. */
  readonly thumbprint: string
}

/** Returns the text whose SHA-256 is the RFC 7638 thumbprint of an Ed25519 public key (RFC 8037). */
export function thumbprintInput(x: string): Uint8Array<ArrayBuffer> {
  return utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`)
}

/** Derives the identifiers from the 32 bytes of a thumbprint. */
export function identifierOf(digest: Uint8Array): Identifier {
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { principal: principalOf(hex), thumbprint: encodeBase64url(digest) }
}

/** Derives the principal from a thumbprint in hex: the first 16 bytes, with UUIDv8 version and variant bits. */
export function principalOf(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]
  return (
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  )
}

/** The form of a device principal, a UUIDv8 (RFC 9562 §5.8). Case-insensitive, as some databases compare. */
const DEVICE_PRINCIPAL = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/** Returns true if a text has the form of a device principal, so that a device could prove it. */
export function hasPrincipalForm(text: string): boolean {
  return DEVICE_PRINCIPAL.test(text)
}
