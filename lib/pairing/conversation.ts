import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import type { Rendezvous, Slot } from './rendezvous.ts'

/** The messages of one pairing, in order, each once. */
export interface Conversation {
  /** Milliseconds from its creation until it expires. */
  readonly expiresIn: number
  /** Returns the server's clock, in milliseconds since 1970: a new device may have a wrong one. */
  now(): number
  /** Sends the message with this number. */
  send(seq: number, data: string): Promise<void>
  /**
   * Waits for the message with this number.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_ENDED`; `RENDEZVOUS_CONTESTED`: a second device has used the code
   */
  receive(seq: number): Promise<string>
  /** Looks whether everything is as it was left: no second device has used the code. */
  checkAlone(): Promise<void>
  /** Runs the last step on the device: an end here waits for it. */
  finish<Value>(step: () => Promise<Value>): Promise<Value>
  /** Leaves its end to the other device, which has to read the last message first. */
  leave(): void
  /** Ends it, here and at the rendezvous. Never rejects. */
  end(): Promise<void>
}

/** Options of a conversation. */
export interface ConversationOptions {
  readonly rendezvous: Rendezvous
  readonly channel: string
  /** Milliseconds between two looks. */
  readonly interval: number
  /** Ends it. */
  readonly signal?: AbortSignal | undefined
}

/** Begins a conversation at the device that shows the code. */
export async function beginConversation(options: ConversationOptions): Promise<Conversation> {
  return continueFrom(options, await options.rendezvous.write(options.channel, 0, ''))
}

/** Begins a conversation at the device that scanned the code, with the first message. */
export async function joinConversation(options: ConversationOptions, first: string): Promise<Conversation> {
  return continueFrom(options, { ...(await options.rendezvous.write(options.channel, 1, first)), seq: 1, data: first })
}

function continueFrom(
  { rendezvous, channel, interval, signal }: ConversationOptions,
  { expiresIn, now, ...begun }: Pick<Slot, 'seq' | 'data' | 'expiresIn' | 'now'>,
): Conversation {
  let last: Pick<Slot, 'seq' | 'data'> = begun
  let isOver = false
  const expiresAt = Date.now() + expiresIn
  const skew = now - Date.now()
  let stop: (() => void) | undefined
  const stopped = new Promise<never>((_, reject) => (stop = () => reject(new LatchkeyError('RENDEZVOUS_ENDED'))))
  // Mostly it is not awaited: the rejection must count as handled.
  stopped.catch(() => {})

  /** The rendezvous has the last message as it was sent or read, or the next one; anything else is a second party. */
  const check = (slot: Slot): Slot => {
    const isSame = slot.seq === last.seq && slot.data === last.data
    if (slot.isContested || (!isSame && slot.seq !== last.seq + 1)) throw new LatchkeyError('RENDEZVOUS_CONTESTED')
    return slot
  }
  const look = async (): Promise<Slot> => {
    if (isOver || Date.now() > expiresAt) throw new LatchkeyError('RENDEZVOUS_ENDED')
    return check(await rendezvous.read(channel))
  }
  const leave = (): void => {
    isOver = true
    signal?.removeEventListener('abort', abort)
    stop!()
  }
  const end = async (): Promise<void> => {
    if (isOver) return
    leave()
    await rendezvous.remove(channel).catch(() => {})
  }
  let finishing: Promise<unknown> | undefined
  const endAfterwards = async (): Promise<void> => {
    if (finishing) await finishing
    await end()
  }
  const abort = (): void => void endAfterwards()
  signal?.addEventListener('abort', abort)
  // It may have fired while the rendezvous was asked.
  if (signal?.aborted) abort()
  const endingOnFailure = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      // A server that never answers does not keep what was cancelled.
      return await Promise.race([stopped, work()])
    } catch (error) {
      await end()
      throw error
    }
  }

  return {
    expiresIn,
    now: () => Date.now() + skew,
    finish: (step) => {
      const finished = step()
      finishing = finished.catch(() => {})
      return finished
    },
    leave,
    end: endAfterwards,
    send: (seq, message) =>
      endingOnFailure(async () => {
        await look()
        if (isOver) throw new LatchkeyError('RENDEZVOUS_ENDED')
        await rendezvous.write(channel, seq, message)
        last = { seq, data: message }
      }),
    receive: (seq) =>
      endingOnFailure(async () => {
        for (;;) {
          const slot = await look().catch(unlessOffline)
          if (slot?.seq === seq) {
            last = slot
            return slot.data
          }
          await new Promise((resolve) => setTimeout(resolve, interval))
        }
      }),
    checkAlone: async () => {
      // Without a network it can be tried again.
      if (!(await endingOnFailure(() => look().catch(unlessOffline)))) throw new LatchkeyError('OFFLINE')
    },
  }
}

/** Without a network the devices wait until the code expires. */
function unlessOffline(error: unknown): undefined {
  if (!isLatchkeyError(error, 'OFFLINE')) throw error
}
