import type { JWK } from 'jose'
import { isBase64url } from '../../identity/encoding.ts'
import { ALGORITHMS } from './algorithms.ts'
import { readPem } from './pem.ts'

/**
 * Parses the single key of an issuer: a PEM (see {@link readPem}), or a JWK (RFC 7517) as an object or as JSON.
 *
 * @throws {TypeError} not a public key of a supported kind; the message does not repeat it
 */
export function readStaticKey(key: string | Readonly<Record<string, unknown>>): JWK {
  const jwk = typeof key === 'string' && !key.trim().startsWith('{') ? readPem(key) : toObject(key)
  return readJwk(jwk as Readonly<Record<string, unknown>>)
}

function toObject(key: string | Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const value: unknown = typeof key === 'string' ? parse(key) : key
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('expected a JWK or a PEM')
  return value as Readonly<Record<string, unknown>>
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the input, so it is dropped.
    throw new TypeError('expected a JWK, got invalid JSON')
  }
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['x', 'y'], OKP: ['x'] }

function readJwk(jwk: Readonly<Record<string, unknown>>): JWK {
  if ('keys' in jwk) throw new TypeError('expected one JWK, got a set: pass its URL as `jwksUrl`')
  if (jwk['kty'] === 'oct')
    throw new TypeError('expected a public key, got a shared secret, with which every verifier could sign')
  if (isPrivate(jwk)) throw new TypeError('expected a public key, got a private one')
  const names = MEMBERS[String(jwk['kty'])]
  const hasMembers = names?.every((name) => typeof jwk[name] === 'string' && jwk[name] !== '' && isBase64url(jwk[name]))
  if (!hasMembers || algorithmsOf(jwk).length === 0 || !isForSigning(jwk))
    throw new TypeError('expected a complete JWK that verifies signatures')
  if (jwk['kty'] === 'RSA' && (jwk['n'] as string).length < MIN_MODULUS_CHARACTERS)
    throw new TypeError('expected an RSA key of 2048 bits or more')
  const { kty, crv, n, e, x, y, alg } = jwk
  // Of two names for one algorithm the key fits both: browsers export one, and signers write the other.
  return JSON.parse(JSON.stringify({ kty, crv, n, e, x, y, ...(crv !== 'Ed25519' && { alg }) })) as JWK
}

/** 256 bytes in base64url, in characters. */
const MIN_MODULUS_CHARACTERS = 342

/** Returns true if a JWK has private members. */
export function isPrivate(jwk: Readonly<Record<string, unknown>>): boolean {
  return ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((name) => name in jwk)
}

function isForSigning({ use, key_ops: operations }: Readonly<Record<string, unknown>>): boolean {
  return (
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  )
}

const CURVE_ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
}

/** Returns the algorithms that a key can be used with: its own `alg`, otherwise every one of its kind. */
export function algorithmsOf({ kty, crv, alg }: Readonly<Record<string, unknown>>): readonly string[] {
  const fitting =
    kty === 'RSA' ? ALGORITHMS.filter((name) => /^[RP]S/.test(name)) : (CURVE_ALGORITHMS[String(crv)] ?? [])
  if (alg === undefined || (crv === 'Ed25519' && fitting.includes(String(alg)))) return fitting
  return fitting.filter((name) => name === alg)
}
