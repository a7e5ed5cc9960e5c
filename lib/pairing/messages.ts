import { LatchkeyError } from '../errors.ts'
import { isPlainText } from '../plain-text.ts'

/**
 * What the device that has the identity gives: the secret of a local-first identity, or a grant for a session of its
 * account.
 */
export type PairingMode = 'secret' | 'account'

/** The first message of each device. */
export interface Hello {
  /** What the device calls itself. */
  readonly name: string
  /** 32 random bytes in base64url: the device that scans the code cannot choose the check code. */
  readonly random: string
  /** Of the device that has the identity. */
  readonly mode?: PairingMode
  /** Of a fresh key of the new device: a grant works for it alone. */
  readonly thumbprint?: string
}

/** What the device that has the identity gives after the check. */
export type Gift =
  | { readonly secret: string; readonly label: string }
  | { readonly grant: string; readonly label: string }

/**
 * What the new device answers. `approve` does not return its word for a session: if it has used the grant, that is
 * `done`, whatever it answers.
 */
export type PairingAnswer = 'done' | 'refused'

/** Largest name of a device, and largest label, in characters. */
const MAX_NAME_CHARACTERS = 40

/** Characters that change the direction of the text around them, and those that end a line. */
const DIRECTION = /[\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/

/** Returns true for a text that is shown to users as it is. */
export function isShownText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    [...value].length <= MAX_NAME_CHARACTERS &&
    isPlainText(value) &&
    !DIRECTION.test(value)
  )
}

/** @throws {TypeError} the app's own text is not one */
export function checkShownText(name: string, value: string): string {
  if (isShownText(value)) return value
  throw new TypeError(`${name}: expected at most ${MAX_NAME_CHARACTERS} characters of plain text`)
}

/**
 * Reads the first message of the other device.
 *
 * @throws {LatchkeyError} `PAIRING_FAILED`
 */
export function readHello(message: unknown, isOfNew: boolean): Hello {
  const { name, random, mode, thumbprint } = (message ?? {}) as Hello
  const isSound = isShownText(name) && isKey(random)
  if (isSound && isOfNew && isKey(thumbprint)) return { name, random, thumbprint }
  if (isSound && !isOfNew && (mode === 'secret' || mode === 'account')) return { name, random, mode }
  throw new LatchkeyError('PAIRING_FAILED')
}

/**
 * Reads what the device that has the identity gives.
 *
 * @throws {LatchkeyError} `PAIRING_FAILED`: among others for a gift of the other kind than was agreed
 */
export function readGift(message: unknown, mode: PairingMode): Gift {
  const { secret, grant, label } = (message ?? {}) as { readonly secret?: unknown; grant?: unknown; label?: unknown }
  if (isShownText(label) && mode === 'secret' && isKey(secret) && grant === undefined) return { secret, label }
  if (isShownText(label) && mode === 'account' && isKey(grant) && secret === undefined) return { grant, label }
  throw new LatchkeyError('PAIRING_FAILED')
}

/** @throws {LatchkeyError} `PAIRING_FAILED` */
export function readAnswer(message: unknown): PairingAnswer {
  const { answer } = (message ?? {}) as { readonly answer?: unknown }
  if (answer === 'done' || answer === 'refused') return answer
  throw new LatchkeyError('PAIRING_FAILED')
}

/** 32 bytes in base64url. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{43}$/.test(value)
}
