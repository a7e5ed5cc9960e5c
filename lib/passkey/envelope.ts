import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, encodeBase64url, isBase64url, utf8 } from '../identity/encoding.ts'
import { PROFILE, openDeviceKey } from '../identity/device-key.ts'
import { nativeSuite } from '../identity/native.ts'
import { parseSecret } from '../identity/secret.ts'

/** For whom a secret is sealed: another relying party or another app cannot open it. */
export interface EnvelopeContext {
  /** Relying party of the passkey. */
  readonly rpId: string
  /** `name` of the app. */
  readonly name: string
}

/** What an envelope contains. */
export interface Sealed {
  /** Text form of the device secret. */
  readonly secret: string
  /** The app's name for the backup. */
  readonly label: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

const ALGORITHM = 'A256GCM'

/** Length of a nonce of AES-GCM, in bytes. */
const NONCE_BYTES = 12

/** What the bytes give that a passkey evaluated. */
export interface PasskeyKeys {
  /** Seals and opens envelopes. */
  readonly kek: CryptoKey
  /** Where a backup store keeps the envelope: 32 bytes in base64url. Anyone who has it can read the envelope. */
  readonly locator: string
}

/** @param prf - the 32 bytes that the passkey evaluated */
export async function keysOf(prf: Uint8Array<ArrayBuffer>): Promise<PasskeyKeys> {
  const derive = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    nativeSuite.hkdf(prf, utf8(`${PROFILE}/prf/${name}`))
  const kek = await crypto.subtle.importKey('raw', await derive('wrap'), 'AES-GCM', false, ['encrypt', 'decrypt'])
  return { kek, locator: encodeBase64url(await derive('locate')) }
}

/**
 * Seals a secret with AES-256-GCM.
 *
 * @returns the envelope as JSON
 */
export async function seal(
  { secret, label, createdAt }: Sealed,
  kek: CryptoKey,
  context: EnvelopeContext,
): Promise<string> {
  const { thumbprint: jkt } = await openDeviceKey(parseSecret(secret))
  const plain = utf8(JSON.stringify({ secret, profile: PROFILE, jkt, createdAt, label }))
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const sealed = await crypto.subtle.encrypt(parametersOf(nonce, context), kek, plain)
  return JSON.stringify({
    v: 1,
    alg: ALGORITHM,
    n: encodeBase64url(nonce),
    ct: encodeBase64url(new Uint8Array(sealed)),
  })
}

/**
 * Opens an envelope.
 *
 * @throws {LatchkeyError} `BACKUP_NOT_OPENED`: it is sealed for another passkey, relying party or app, was changed, or
 *   is no envelope
 */
export async function open(envelope: string, kek: CryptoKey, context: EnvelopeContext): Promise<Sealed> {
  // One error for all failures, without a cause: what was decrypted must not end up in a log.
  try {
    const { nonce, sealed } = parseEnvelope(envelope)
    const plain = await crypto.subtle.decrypt(parametersOf(nonce, context), kek, sealed)
    const { secret, profile, jkt, createdAt, label } = JSON.parse(new TextDecoder().decode(plain)) as Sealed & {
      readonly profile: unknown
      readonly jkt: unknown
    }
    const { thumbprint } = await openDeviceKey(parseSecret(secret))
    if (profile === PROFILE && jkt === thumbprint && isTime(createdAt) && typeof label === 'string')
      return { secret, createdAt, label: label.replace(UNSEEN, '') }
  } catch {}
  throw new LatchkeyError('BACKUP_NOT_OPENED')
}

/** What can turn around or hide the text beside it: control and format characters, and separators of lines. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

function isTime(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(new Date(value).getTime())
}

/** An envelope that was read. */
interface Envelope {
  readonly nonce: Uint8Array<ArrayBuffer>
  readonly sealed: Uint8Array<ArrayBuffer>
}

/**
 * Reads the text of an envelope.
 *
 * @throws {LatchkeyError} `BACKUP_FILE_INVALID`
 */
export function parseEnvelope(text: string): Envelope {
  const { v, alg, n, ct } = membersOf(text)
  const isSound = v === 1 && alg === ALGORITHM && isText(n) && isText(ct)
  if (!isSound || decodeBase64url(n).length !== NONCE_BYTES) throw new LatchkeyError('BACKUP_FILE_INVALID')
  return { nonce: decodeBase64url(n), sealed: decodeBase64url(ct) }
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isBase64url(value)
}

/** `name` comes last: a host name contains no zero, so no two contexts have the same bytes. */
function parametersOf(iv: Uint8Array<ArrayBuffer>, { rpId, name }: EnvelopeContext): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: utf8(`${PROFILE}/envelope\0${rpId}\0${name}`) }
}
