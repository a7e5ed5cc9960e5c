import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { LatchkeyError } from '../../lib/server.ts'

/**
 * How a Triplit server uses a value of `externalJwtSecret`. `key`: as a public key, which is correct. `shared-secret`:
 * as an HMAC secret, so anyone who knows the text can sign tokens for any user. `nothing`: every token is refused.
 */
export type ExternalJwtSecretUse = 'key' | 'shared-secret' | 'nothing'

/** The result for a value of `externalJwtSecret`. */
export interface ExternalJwtSecret {
  readonly use: ExternalJwtSecretUse
  /** One explanatory sentence. Never contains the value. */
  readonly meaning: string
  /** The same key in a format that the server reads; null if the value contains no public key, or several. */
  readonly repair: string | null
}

const HEAD = '-----BEGIN PUBLIC KEY-----'

/**
 * Determines how a Triplit server would use a value of `externalJwtSecret` (`EXTERNAL_JWT_SECRET`). Fetches nothing and
 * never throws.
 *
 * @param text - the value from the configuration
 */
export function readExternalJwtSecret(text: string): ExternalJwtSecret {
  const use = useOf(text)
  const isOpen = hasPrivateKey(text)
  if (use === 'key' && !isOpen)
    return { use, meaning: 'It is a public key that the Triplit server reads.', repair: null }
  const key = isOpen ? null : findKey(text)
  return { use, meaning: `${whatIs(text, isOpen)} ${CONSEQUENCE[use]}`, repair: key && spki(key) }
}

/**
 * Accepts a value of `externalJwtSecret` only if a Triplit server reads it as a public key: `externalJwtSecret:
 * checkExternalJwtSecret(text)`.
 *
 * @returns the value, unchanged
 * @throws {LatchkeyError} `EXTERNAL_SECRET_INVALID`; the message says how the value would be used, and does not contain
 *   it
 */
export function checkExternalJwtSecret(text: string): string {
  const { use, meaning, repair } = readExternalJwtSecret(text)
  if (use === 'key' && !hasPrivateKey(text)) return text
  throw new LatchkeyError(
    'EXTERNAL_SECRET_INVALID',
    repair === null
      ? meaning
      : `${meaning} readExternalJwtSecret(text).repair is the same key in a format that it reads.`,
  )
}

const CONSEQUENCE: Readonly<Record<ExternalJwtSecretUse, string>> = {
  key: 'The Triplit server would accept it, and would then hold a key that can sign tokens.',
  'shared-secret':
    'The Triplit server would use the text as an HMAC secret: everyone who knows it could sign tokens for any user.',
  nothing: 'The Triplit server would refuse every token.',
}

/** Decides as `@triplit/server` does: by the beginning of the text, then as JSON, then as plain text. */
function useOf(text: string): ExternalJwtSecretUse {
  if (text === '') return 'nothing'
  if (text.startsWith(HEAD)) return isKey(() => derKey(text, 'spki')) ? 'key' : 'nothing'
  const value = parseJson(text)
  if (!value) return 'shared-secret'
  if ((value as JsonWebKey).kty === 'oct') return 'shared-secret'
  return isKey(() => jwkKey(value)) ? 'key' : 'nothing'
}

function whatIs(text: string, isOpen: boolean): string {
  const trimmed = text.trim()
  if (trimmed === '') return 'It is empty.'
  if (isOpen) return 'It contains a private key, which only the issuer should have.'
  if (/^["']?-----BEGIN/.test(trimmed))
    return text.startsWith(HEAD) ? 'It is a PEM without a public key.' : `It does not begin with ${HEAD}.`
  if (/^https?:/i.test(trimmed)) return 'It is a URL; the server does not fetch keys.'
  const value = parseJson(trimmed)
  if (value && typeof value === 'object')
    return 'keys' in value ? 'It is a JWK set, not one JWK.' : 'It is JSON, but not a public key.'
  return 'It is neither a PEM nor a JWK.'
}

/** Returns the only public key in the text, however it is wrapped. */
function findKey(text: string): KeyObject | null {
  const plain = text
    .replace(/^\uFEFF/, '')
    .trim()
    .replace(/^(["'])(.*)\1$/s, '$2')
    .replaceAll(String.raw`\r`, '')
    .replaceAll(String.raw`\n`, '\n')
    .replaceAll(String.raw`\"`, '"')
    .trim()
  const pem = /^-----BEGIN (RSA PUBLIC KEY|PUBLIC KEY|CERTIFICATE)-----/.exec(plain)
  if (pem)
    return firstKey(() =>
      pem[1] === 'CERTIFICATE' ? createPublicKey(plain) : derKey(plain, pem[1] === 'PUBLIC KEY' ? 'spki' : 'pkcs1'),
    )
  const value = parseJson(plain) as { keys?: unknown } | null
  if (!value || typeof value !== 'object') return null
  const only = Array.isArray(value.keys) && value.keys.length === 1 ? (value.keys[0] as unknown) : value
  return firstKey(() => jwkKey(only))
}

const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string

/** As jose does: removes everything between the lines of a PEM that is not base64. */
function derKey(pem: string, type: 'spki' | 'pkcs1'): KeyObject {
  const key = Buffer.from(pem.replaceAll(/-----(?:BEGIN|END) (?:RSA )?PUBLIC KEY-----|\s/g, ''), 'base64')
  return createPublicKey({ key, type, format: 'der' })
}

function jwkKey(value: unknown): KeyObject {
  const { kty } = value as JsonWebKey
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') throw new TypeError('no public key')
  return createPublicKey({ key: value as JsonWebKey, format: 'jwk' })
}

const isKey = (read: () => KeyObject): boolean => firstKey(read) !== null

/** Accepts keys that verify tokens: Ed25519, RSA of 2048 bits or more, and the curves of ES256, ES384 and ES512. */
function firstKey(read: () => KeyObject): KeyObject | null {
  try {
    const key = read()
    const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
    const isEnough = {
      rsa: modulusLength >= 2048,
      ec: ['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve),
      ed25519: true,
    }[String(key.asymmetricKeyType)]
    return isEnough === true ? key : null
  } catch {
    return null
  }
}

function hasPrivateKey(text: string): boolean {
  if (text.includes('PRIVATE KEY-----')) return true
  const value = parseJson(text.trim()) as { keys?: unknown } | null
  if (!value || typeof value !== 'object') return false
  return [value, ...(Array.isArray(value.keys) ? (value.keys as unknown[]) : [])].some(
    (each) => each !== null && typeof each === 'object' && 'd' in each,
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
