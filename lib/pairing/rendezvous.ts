import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { post } from './post.ts'

/** What the rendezvous has of a channel. */
export interface Slot {
  readonly seq: number
  readonly data: string
  /** True if a second party used the channel. */
  readonly isContested: boolean
  /** Milliseconds until it expires. */
  readonly expiresIn: number
  /** The server's clock, in milliseconds since 1970. */
  readonly now: number
}

/** Where the two devices meet. It is trusted with nothing. */
export interface Rendezvous {
  /** Writes a message; 0 creates the slot. */
  write(channel: string, seq: number, data: string): Promise<Slot>
  read(channel: string): Promise<Slot>
  remove(channel: string): Promise<void>
}

/** How often a request is sent if no response arrives: the same message again is no second one, even once answered. */
const ATTEMPTS = 3

const REFUSALS: readonly string[] = [
  'RENDEZVOUS_ENDED',
  'RENDEZVOUS_CONTESTED',
  'RENDEZVOUS_FULL',
] satisfies LatchkeyErrorCode[]

/**
 * Uses the rendezvous of the Better Auth plugin.
 *
 * @param server - base URL, without a trailing slash
 */
export function httpRendezvous(server: string, send: typeof fetch): Rendezvous {
  const headers = { 'x-latchkey-rendezvous': '1' }
  const ask = (path: string, body: object): Promise<unknown> =>
    post(send, { url: `${server}/latchkey/rendezvous${path}`, body, headers, credentials: 'omit' }, refused)

  return {
    async write(channel, seq, data) {
      const tx = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
      return retry(async () => slotOf(await ask('', { channel, seq, data, tx })))
    },
    read: (channel) => retry(async () => slotOf(await ask('/read', { channel }))),
    remove: async (channel) => void (await ask('/delete', { channel })),
  }
}

function refused(status: number, code: unknown): LatchkeyError {
  const known = REFUSALS.find((each) => each === code) as LatchkeyErrorCode | undefined
  return new LatchkeyError(known ?? 'OFFLINE', `status ${status}`)
}

async function retry<Value>(work: () => Promise<Value>, left = ATTEMPTS - 1): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    if (left === 0 || (error as LatchkeyError).code !== 'OFFLINE') throw error
    return retry(work, left - 1)
  }
}

/** A captive portal answers everything. */
function slotOf(answer: unknown): Slot {
  const slot = answer as Slot
  const isSlot =
    Number.isInteger(slot.seq) && typeof slot.data === 'string' && Number.isFinite(slot.expiresIn + slot.now)
  if (!isSlot) throw new LatchkeyError('OFFLINE', 'no response from the rendezvous')
  return slot
}
