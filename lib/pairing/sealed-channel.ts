import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256, type KeyPair } from 'hpke'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, encodeBase64url, utf8 } from '../identity/encoding.ts'
import { PROFILE } from '../identity/device-key.ts'
import { nativeSuite } from '../identity/native.ts'
import type { Code, CodeKeys, Shower } from './code.ts'

// RFC 9180 in mode_psk: only those who have seen the code can answer, and only the one who shows it can open the
// answer.

/** What both devices must agree on. Other values give other keys. */
export interface PairingContext {
  /** Base URL of the server with the rendezvous. */
  readonly server: string
  /** `name` of the app. */
  readonly name: string
  readonly channel: string
  readonly shower: Shower
}

/** Seals and opens the messages of one pairing. Each number is used once. */
export interface SealedChannel {
  /** @param seq - number of the message, from 1 */
  seal(seq: number, message: object): Promise<string>
  /**
   * Opens a message of the other device.
   *
   * @throws {LatchkeyError} `PAIRING_FAILED`: it was changed, reordered or repeated, or is from elsewhere
   */
  open(seq: number, sealed: string): Promise<unknown>
  /** Derives the four digits that the user compares, from the first two messages as they were sent. */
  checkCode(first: string, second: string): Promise<string>
}

const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
const PAIR = `${PROFILE}/pair`

/** Length of the encapsulated key, in front of the first message. */
const ENCAPSULATED_BYTES = 65

/** Creates the key pair of the device that shows a code. */
export async function createShowerKeys(): Promise<{ keys: KeyPair<CryptoKey>; publicKey: Uint8Array<ArrayBuffer> }> {
  const keys = await suite.GenerateKeyPair()
  return { keys, publicKey: new Uint8Array(await suite.SerializePublicKey(keys.publicKey)) }
}

/** Each part with its length in front, so that no two contexts have the same bytes. */
function infoOf({ server, name, channel, shower }: PairingContext): Uint8Array<ArrayBuffer> {
  const parts = [PAIR, server, name, channel, shower].map(utf8)
  return new Uint8Array(parts.flatMap((part) => [part.length >> 8, part.length & 255, ...part]))
}

function optionsOf(context: PairingContext, { psk }: CodeKeys) {
  return { info: infoOf(context), psk, pskId: utf8(`${PAIR}/psk`) }
}

/** Opens the channel at the device that scanned a code. */
export async function openAtScanner(
  context: PairingContext,
  { publicKey }: Pick<Code, 'publicKey'>,
  keys: CodeKeys,
): Promise<SealedChannel> {
  try {
    const recipient = await suite.DeserializePublicKey(publicKey)
    const { encapsulatedSecret, ctx } = await suite.SetupSender(recipient, optionsOf(context, keys))
    return await channelOf(ctx, 's', new Uint8Array(encapsulatedSecret))
  } catch (cause) {
    throw new LatchkeyError('PAIRING_CODE_INVALID', 'no point of the curve', cause)
  }
}

/**
 * Opens the channel at the device that shows a code.
 *
 * @param first - the first message
 * @throws {LatchkeyError} `PAIRING_FAILED`
 */
export async function openAtShower(
  context: PairingContext,
  pair: KeyPair<CryptoKey>,
  keys: CodeKeys,
  first: string,
): Promise<SealedChannel> {
  try {
    const encapsulated = decodeBase64url(first).slice(0, ENCAPSULATED_BYTES)
    // The whole key pair: the public key cannot be computed from the private one everywhere.
    const ctx = await suite.SetupRecipient(pair, encapsulated, optionsOf(context, keys))
    return await channelOf(ctx, 'g', encapsulated)
  } catch {
    throw failed()
  }
}

interface Exporter {
  Export(context: Uint8Array, length: number): Promise<Uint8Array>
}

/** The device that scanned writes with the key `s`, the one that shows the code with `g`. */
type Direction = 's' | 'g'

async function channelOf(
  exporter: Exporter,
  own: Direction,
  encapsulated: Uint8Array<ArrayBuffer>,
): Promise<SealedChannel> {
  const keyOf = async (direction: Direction, use: KeyUsage): Promise<CryptoKey> => {
    const bytes = await exporter.Export(utf8(`${PAIR}/${direction}`), 32)
    return crypto.subtle.importKey('raw', new Uint8Array(bytes), 'AES-GCM', false, [use])
  }
  const other: Direction = own === 's' ? 'g' : 's'
  const [writing, reading] = [await keyOf(own, 'encrypt'), await keyOf(other, 'decrypt')]
  const prefixOf = (seq: number): Uint8Array<ArrayBuffer> => (seq === 1 ? encapsulated : new Uint8Array())
  return {
    async seal(seq, message) {
      const sealed = await crypto.subtle.encrypt(parametersOf(own, seq), writing, utf8(JSON.stringify(message)))
      return encodeBase64url(new Uint8Array([...prefixOf(seq), ...new Uint8Array(sealed)]))
    },
    async open(seq, sealed) {
      // One error for all failures, without a cause: what was decrypted must not end up in a log.
      try {
        const bytes = decodeBase64url(sealed).slice(prefixOf(seq).length)
        const plain = await crypto.subtle.decrypt(parametersOf(other, seq), reading, bytes)
        return JSON.parse(new TextDecoder().decode(plain))
      } catch {
        throw failed()
      }
    },
    async checkCode(first, second) {
      const [one, two] = [await nativeSuite.sha256(utf8(first)), await nativeSuite.sha256(utf8(second))]
      const exported = await exporter.Export(new Uint8Array([...utf8(`${PAIR}/check`), ...one, ...two]), 4)
      const number = new DataView(new Uint8Array(exported).buffer).getUint32(0)
      return String(number % 10_000).padStart(4, '0')
    },
  }
}

/** The number counts the nonce; with the direction it is authenticated, so that no message can take another place. */
function parametersOf(direction: Direction, seq: number): AesGcmParams {
  const iv = new Uint8Array(12)
  iv[11] = seq
  return { name: 'AES-GCM', iv, additionalData: new Uint8Array([...utf8(direction), seq]) }
}

function failed(): LatchkeyError {
  return new LatchkeyError('PAIRING_FAILED')
}
