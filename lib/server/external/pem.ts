import type { JWK } from 'jose'
import { encodeBase64url } from '../../identity/encoding.ts'
import { DER_TAG, type DerElement, bodyOf, readDer, readInside } from './der.ts'

/**
 * Parses a public key from PEM (RFC 7468): `PUBLIC KEY` (SPKI) or `CERTIFICATE` (X.509). Damage from configuration
 * files is repaired: missing newlines, newlines written as `\n`, surrounding quotes and whitespace.
 *
 * @throws {TypeError} the text is anything else; the message does not repeat it
 */
export function readPem(pem: string): JWK {
  const { label, body } = openPem(pem)
  try {
    const [outer, ...rest] = readDer(decodeBase64(body))
    if (rest.length > 0) throw new TypeError('unexpected data after the key')
    const parts = readInside(outer, DER_TAG.sequence)
    return toJwk(label === 'CERTIFICATE' ? keyInCertificate(parts) : parts)
  } catch {
    throw new TypeError(
      `expected a complete ${label} with an RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519 key`,
    )
  }
}

function openPem(pem: string): { label: string; body: string } {
  const text = pem
    .replaceAll('\\r', '')
    .replaceAll('\\n', '\n')
    .replace(/^[\s"']+|[\s"']+$/g, '')
  if (text.includes('PRIVATE KEY')) throw new TypeError('expected a public key, got a private one')
  const [, label, body] = /^-----BEGIN (PUBLIC KEY|CERTIFICATE)-----([\w+/=\s]+)-----END \1-----$/.exec(text) ?? []
  if (!label || !body) throw new TypeError('expected one PEM block, PUBLIC KEY (SPKI) or CERTIFICATE (X.509)')
  return { label, body }
}

function decodeBase64(body: string): Uint8Array<ArrayBuffer> {
  const text = body.replace(/\s/g, '')
  const binary = atob(text)
  // `atob` accepts missing padding and stray bits, but a truncated key must not pass.
  if (btoa(binary) !== text) throw new TypeError('expected base64')
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

/** RFC 5280 §4.1: in `tbsCertificate`, the key follows serial number, algorithm, issuer, validity and subject. */
function keyInCertificate([tbsCertificate]: readonly DerElement[]): DerElement[] {
  const fields = readInside(tbsCertificate, DER_TAG.sequence)
  return readInside(fields[fields[0]?.tag === DER_TAG.version ? 6 : 5], DER_TAG.sequence)
}

const OID = { rsa: '2a864886f70d010101', ec: '2a8648ce3d0201', ed25519: '2b6570' } as const

const CURVES: Readonly<Record<string, { readonly crv: string; readonly size: number }>> = {
  '2a8648ce3d030107': { crv: 'P-256', size: 32 },
  '2b81040022': { crv: 'P-384', size: 48 },
  '2b81040023': { crv: 'P-521', size: 66 },
}

/** RFC 5280 §4.1.2.7: an algorithm, then the key as a bit string. */
function toJwk([algorithm, key, ...rest]: readonly DerElement[]): JWK {
  const [oid, parameters, ...more] = readInside(algorithm, DER_TAG.sequence)
  const bits = bodyOf(key, DER_TAG.bitString)
  if (rest.length > 0 || more.length > 0 || bits[0] !== 0) throw new TypeError('expected a multiple of 8 bits')
  const bytes = bits.slice(1)
  const name = toHex(bodyOf(oid, DER_TAG.oid))
  if (name === OID.rsa && bodyOf(parameters, DER_TAG.null).length === 0) return rsaJwk(bytes)
  if (name === OID.ec) return ecJwk(toHex(bodyOf(parameters, DER_TAG.oid)), bytes)
  if (name === OID.ed25519 && !parameters && bytes.length === 32)
    return { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(bytes) }
  throw new TypeError('unsupported kind of key')
}

function rsaJwk(bytes: Uint8Array<ArrayBuffer>): JWK {
  const [outer, ...rest] = readDer(bytes)
  const numbers = readInside(outer, DER_TAG.sequence)
  if (rest.length > 0 || numbers.length !== 2) throw new TypeError('expected a modulus and an exponent')
  const [n, e] = numbers.map((number) => encodeBase64url(readPositive(bodyOf(number, DER_TAG.integer))))
  return { kty: 'RSA', n: n!, e: e! }
}

/** A leading zero is valid only where the first bit would otherwise be read as the sign. */
function readPositive(integer: Uint8Array<ArrayBuffer>): Uint8Array {
  const [first = 0, second = 0] = integer
  if (first >= 0x80 || (first === 0 && second < 0x80)) throw new TypeError('expected a positive number')
  return first === 0 ? integer.slice(1) : integer
}

/** SEC 1 §2.3.3: the byte 4, then both coordinates. */
function ecJwk(oid: string, point: Uint8Array<ArrayBuffer>): JWK {
  const curve = CURVES[oid]
  if (!curve || point[0] !== 4 || point.length !== 1 + 2 * curve.size) throw new TypeError('expected a point')
  const [x, y] = [point.slice(1, 1 + curve.size), point.slice(1 + curve.size)]
  return { kty: 'EC', crv: curve.crv, x: encodeBase64url(x), y: encodeBase64url(y) }
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
