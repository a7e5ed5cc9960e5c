import { type Code, type Shower, formatCode, keysOf } from './code.ts'
import { type Conversation, beginConversation, joinConversation } from './conversation.ts'
import type { Rendezvous } from './rendezvous.ts'
import {
  type PairingContext,
  type SealedChannel,
  createShowerKeys,
  openAtScanner,
  openAtShower,
} from './sealed-channel.ts'

/** A code that is shown. */
export interface ShownCode<Met> {
  /** The text for the QR code: a link to the app. Show it as a picture only, never as text to copy. */
  readonly text: string
  /** Milliseconds until it expires. */
  readonly expiresIn: number
  /**
   * Waits for the other device.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_ENDED`, `RENDEZVOUS_CONTESTED`: a second device has used the code: warn the
   *   user; `PAIRING_FAILED`
   */
  met(): Promise<Met>
  /** Ends the pairing, as the signal of its options does. */
  cancel(): Promise<void>
}

/** What both devices use to meet. */
export interface Parts {
  readonly rendezvous: Rendezvous
  readonly interval: number
  readonly server: string
  readonly name: string
  readonly url: string | undefined
  /** Ends the pairing. */
  readonly signal?: AbortSignal | undefined
}

/** What two devices say after their first messages. */
export interface Talk extends Pick<Conversation, 'checkAlone' | 'end' | 'finish' | 'leave' | 'now'> {
  /** Seals and sends a message. */
  send(seq: number, message: object): Promise<void>
  /** Receives and opens a message. */
  receive(seq: number): Promise<unknown>
}

/** Two devices that have met. */
export interface Meeting extends Talk {
  /** The other device's first message. */
  readonly hello: unknown
  readonly checkCode: string
}

/** Exchanges the first two messages. */
export type Greet = (hello: object) => Promise<Meeting>

/** Shows a code, and waits for the device that scans it. */
export async function show<Met>(
  parts: Parts,
  shower: Shower,
  meet: (greet: Greet) => Promise<Met>,
): Promise<ShownCode<Met>> {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const { keys: pair, publicKey } = await createShowerKeys()
  const keys = await keysOf({ secret })
  const conversation = await beginConversation({ ...parts, channel: keys.channel })
  const context = contextOf(parts, keys.channel, shower)
  const begin = async (): Promise<Met> => {
    const first = await conversation.receive(1)
    return ending(conversation, async () => {
      const channel = await openAtShower(context, pair, keys, first)
      const received = await channel.open(1, first)
      return meet(async (hello) => {
        const second = await channel.seal(2, hello)
        await conversation.send(2, second)
        const checkCode = await channel.checkCode(first, second)
        return { hello: received, checkCode, ...talkOver(conversation, channel) }
      })
    })
  }
  let met: Promise<Met> | undefined
  return {
    text: formatCode(parts.url ?? globalThis.location?.href ?? '', { shower, secret, publicKey }),
    expiresIn: conversation.expiresIn,
    met: () => (met ??= begin()),
    cancel: () => conversation.end(),
  }
}

/** Opens the channel to the device that shows a code. Nothing is sent until it greets. */
export async function scanned(parts: Parts, code: Code): Promise<Greet> {
  const keys = await keysOf(code)
  const channel = await openAtScanner(contextOf(parts, keys.channel, code.shower), code, keys)
  return async (hello) => {
    const first = await channel.seal(1, hello)
    const conversation = await joinConversation({ ...parts, channel: keys.channel }, first)
    const second = await conversation.receive(2)
    return ending(conversation, async () => {
      const received = await channel.open(2, second)
      const checkCode = await channel.checkCode(first, second)
      return { hello: received, checkCode, ...talkOver(conversation, channel) }
    })
  }
}

function contextOf({ server, name }: Parts, channel: string, shower: Shower): PairingContext {
  return { server, name, channel, shower }
}

function talkOver(conversation: Conversation, channel: SealedChannel): Talk {
  const { checkAlone, end, finish, leave, now } = conversation
  return {
    checkAlone,
    end,
    finish,
    leave,
    now,
    send: async (seq, message) => conversation.send(seq, await channel.seal(seq, message)),
    async receive(seq) {
      const sealed = await conversation.receive(seq)
      return ending(conversation, () => channel.open(seq, sealed))
    },
  }
}

/** Whatever fails ends the pairing for both devices: there is no second attempt with one code. */
export async function ending<Value>(
  conversation: Pick<Conversation, 'end'>,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    await conversation.end()
    throw error
  }
}
