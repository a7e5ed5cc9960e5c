import { LatchkeyError } from '../errors.ts'
import { encodeBase64url, isBase64url } from '../identity/encoding.ts'
import { sha256 } from '../identity/digest.ts'
import { formatSecret, parseSecret } from '../identity/secret.ts'

const PREFIX = 'lk1-'

/** Length of a device secret as text, in characters. */
const SECRET_CHARACTERS = 43

/** Length of the check, in characters of six bits: one of 2^36 mistyped texts is not noticed. */
const CHECK_CHARACTERS = 6

/**
 * Returns the check of a device secret: the first 6 characters of its SHA-256 in base64url. It is not secret; the user
 * compares it with the one on the sheet.
 *
 * @param secret - as from `auth.exportSecret()`
 * @throws {LatchkeyError} `SECRET_INVALID`
 */
export async function checkOf(secret: string): Promise<string> {
  return encodeBase64url(await sha256(parseSecret(secret))).slice(0, CHECK_CHARACTERS)
}

/**
 * Returns a device secret as text for people: `lk1-`, the 43 characters, and the 6 characters of {@link checkOf}.
 *
 * @param secret - as from `auth.exportSecret()`
 * @throws {LatchkeyError} `SECRET_INVALID`
 */
export async function toCheckedText(secret: string): Promise<string> {
  return `${PREFIX}${formatSecret(parseSecret(secret))}${await checkOf(secret)}`
}

/**
 * Reads the text form of a device secret, with a check or without. White space does not matter.
 *
 * @returns the device secret as text, 43 characters
 * @throws {LatchkeyError} `SECRET_MISTYPED`: a character is wrong, missing or too many; `SECRET_INVALID`: the text has
 *   neither form
 */
export async function parseCheckedText(text: string): Promise<string> {
  const typed = text.replace(/\s+/g, '')
  // A secret may itself begin with the prefix, so the length tells the forms apart.
  if (typed.length === SECRET_CHARACTERS) return formatSecret(parseSecret(typed))
  if (!typed.toLowerCase().startsWith(PREFIX)) throw new LatchkeyError('SECRET_INVALID')
  const end = PREFIX.length + SECRET_CHARACTERS
  const [secret, check] = [typed.slice(PREFIX.length, end), typed.slice(end)]
  const isWhole = secret.length === SECRET_CHARACTERS && isBase64url(secret)
  if (!isWhole || (await checkOf(secret)) !== check) throw new LatchkeyError('SECRET_MISTYPED')
  return secret
}
