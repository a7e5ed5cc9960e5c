import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, encodeBase64url, isBase64url, utf8 } from '../identity/encoding.ts'
import { PROFILE } from '../identity/device-key.ts'
import { nativeSuite } from '../identity/native.ts'

/** The device that shows the code: the one that has the identity (`h`), or the new one (`n`). */
export type Shower = 'h' | 'n'

/** What a code says. */
export interface Code {
  readonly shower: Shower
  /** 32 random bytes that are known only from the code. */
  readonly secret: Uint8Array<ArrayBuffer>
  /** Public key of the device that shows it: an uncompressed P-256 point, 65 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
}

/** Derived from the secret of a code. */
export interface CodeKeys {
  /** Pre-shared key for HPKE, 32 bytes. */
  readonly psk: Uint8Array<ArrayBuffer>
  /** Address of the slot at the rendezvous: base64url, 43 characters. It tells nothing about the pre-shared key. */
  readonly channel: string
}

const SECRET_BYTES = 32
const POINT_BYTES = 65

/** The part of a link that contains the code. It stays in the browser: no server gets a fragment. */
const FRAGMENT = /#latchkey-pair=1([hn])\.([\w-]+)$/

/**
 * Returns the text for a QR code.
 *
 * @param url - of the app's page; its fragment is replaced
 */
export function formatCode(url: string, { shower, secret, publicKey }: Code): string {
  const page = url.replace(/#.*$/s, '')
  return `${page}#latchkey-pair=1${shower}.${encodeBase64url(new Uint8Array([...secret, ...publicKey]))}`
}

/**
 * Reads the text of a QR code, or a link.
 *
 * @param shower - the device that must show this code
 * @throws {LatchkeyError} `PAIRING_CODE_INVALID`
 */
export function parseCode(text: string, shower: Shower): Code {
  const [, found, encoded = ''] = FRAGMENT.exec(text.trim()) ?? []
  const bytes = isBase64url(encoded) ? decodeBase64url(encoded) : new Uint8Array()
  if (found !== shower || bytes.length !== SECRET_BYTES + POINT_BYTES)
    throw new LatchkeyError('PAIRING_CODE_INVALID', found && found !== shower ? 'shown by the other kind' : undefined)
  return { shower, secret: bytes.slice(0, SECRET_BYTES), publicKey: bytes.slice(SECRET_BYTES) }
}

/** Derives the keys of a code. */
export async function keysOf({ secret }: Pick<Code, 'secret'>): Promise<CodeKeys> {
  const derive = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    nativeSuite.hkdf(secret, utf8(`${PROFILE}/pair/${name}`))
  return { psk: await derive('psk'), channel: encodeBase64url(await derive('channel')) }
}
