import type { SecondaryStorage, Where } from 'better-auth'
import { sweepIn } from '../../../lib/server-kit.ts'
import { insertUnique } from './unique.ts'
import type { Adapter } from './types.ts'
import { equal } from './where.ts'

/**
 * Storage for the messages of a pairing, instead of the table `latchkeyRendezvous`: Better Auth's secondary storage, or
 * the part of it that is used. `increment` must be atomic.
 */
export type RendezvousStorage = Pick<SecondaryStorage, 'get' | 'set' | 'delete' | 'increment'>

/** A message for the slot of a channel. */
export interface Message {
  /** 0 creates the slot; every other message must follow the one in the slot. */
  readonly seq: number
  /** Cipher text, base64url. */
  readonly data: string
  /** Chosen by the writer, so that a repeated message is not taken for a second one. */
  readonly tx: string
}

/** The slot of a channel. */
export interface Slot extends Message {
  /** Of its message, and behind a point that of the message before. */
  readonly tx: string
  /** Expiry, counted from its creation. */
  readonly until: Date
  /** True if another writer tried to write a message that was already there. */
  readonly isContested: boolean
}

/**
 * The result of a write. `contested`: another message is, or was, in its place. `early`: the previous message
 * is missing. `ended`: the slot does not exist, or no longer. `full`: no further slot can be created at the moment.
 */
export type Written = 'done' | 'contested' | 'early' | 'ended' | 'full'

/** Holds one message for each channel until the next one. */
export interface RendezvousStore {
  /** Returns the slot; null if there is none. */
  read(adapter: Adapter, channel: string): Promise<Slot | null>
  write(adapter: Adapter, channel: string, message: Message): Promise<Written>
  /** Ends the channel. It cannot be created again until its slot would have expired. */
  remove(adapter: Adapter, channel: string): Promise<void>
}

/** How long a slot exists, in milliseconds. */
export const SLOT_LIFETIME_MS = 300_000

/**
 * @param most - maximum number of slots at a time; with a storage, of slots created within two lifetimes
 * @param storage - used instead of the table
 */
export function createRendezvousStore(clock: () => number, most: number, storage?: RendezvousStorage): RendezvousStore {
  return storage ? sharedStore(storage, clock, most) : tableStore(clock, most)
}

/** How often expired rows are deleted from the table, in milliseconds. */
const SWEEP_MS = 60_000

const TABLE = 'latchkeyRendezvous'

/**
 * Of a removed slot, whose row stays until it expires. No message follows it. If the row were deleted, a second party
 * could create the channel again, and the report of a second party would be lost.
 */
const REMOVED_SEQ = -1

function tableStore(clock: () => number, most: number): RendezvousStore {
  const sweep = sweepIn(SWEEP_MS, clock)
  const now = (): Date => new Date(clock())

  async function create(adapter: Adapter, channel: string, message: Message): Promise<boolean | 'full'> {
    const where = [{ field: 'until', operator: 'lt' as const, value: now() }]
    await sweep(() => adapter.deleteMany({ model: TABLE, where }))
    const until = new Date(clock() + SLOT_LIFETIME_MS)
    if (!(await insertUnique(adapter, TABLE, 'channel', { channel, ...message, until, isContested: false })))
      return false
    // Counted afterwards, so that no concurrent requests can exceed the limit together.
    const live: Where[] = [
      { field: 'until', operator: 'gt', value: now() },
      { field: 'seq', operator: 'gt', value: REMOVED_SEQ },
    ]
    if ((await adapter.count({ model: TABLE, where: live })) <= most) return true
    await adapter.deleteMany({ model: TABLE, where: equal({ channel }) })
    return 'full'
  }

  /** One conditional statement: of two writers, one succeeds. */
  async function replace(adapter: Adapter, channel: string, message: Message): Promise<boolean> {
    const update = following(await read(adapter, channel), message)
    const where = [
      { field: 'channel', value: channel },
      { field: 'seq', value: message.seq - 1 },
      { field: 'until', operator: 'gt' as const, value: now() },
    ]
    return (await adapter.updateMany({ model: TABLE, where, update })) === 1
  }

  async function read(adapter: Adapter, channel: string): Promise<Slot | null> {
    const slot = await adapter.findOne<Slot>({ model: TABLE, where: [{ field: 'channel', value: channel }] })
    if (!slot || slot.seq === REMOVED_SEQ || new Date(slot.until) <= now()) return null
    return { ...slot, until: new Date(slot.until) }
  }

  return {
    read,
    async remove(adapter, channel) {
      await adapter.updateMany({ model: TABLE, where: equal({ channel }), update: { seq: REMOVED_SEQ, data: '' } })
    },
    async write(adapter, channel, message) {
      const isDone = await (message.seq === 0 ? create(adapter, channel, message) : replace(adapter, channel, message))
      if (isDone === 'full') return isDone
      const found = isDone ? null : await read(adapter, channel)
      const written = isDone ? 'done' : judge(found, message)
      if (written === 'contested')
        await adapter.updateMany({
          model: TABLE,
          where: [{ field: 'channel', value: channel }],
          update: { isContested: true },
        })
      return written
    },
  }
}

/** Adds the `tx` of the message before: its writer may repeat it, if the response was lost, after it was answered. */
function following(before: Slot | null, message: Message): Message {
  return before ? { ...message, tx: `${message.tx}.${before.tx.split('.')[0]}` } : message
}

/** Says why a message was not written: it may be there already, or be answered, since the first response was lost. */
function judge(found: Slot | null, { seq, tx }: Message): Written {
  if (!found) return 'ended'
  if (found.tx.split('.')[found.seq - seq] === tx) return 'done'
  return found.seq < seq ? 'early' : 'contested'
}

type Stored = Omit<Slot, 'until' | 'isContested'> & { readonly until: number }

function sharedStore(storage: RendezvousStorage, clock: () => number, most: number): RendezvousStore {
  const lifetime = SLOT_LIFETIME_MS / 1000
  const keyOf = (channel: string, part: string): string => `latchkey:rendezvous:${channel}:${part}`

  async function read(_: Adapter, channel: string): Promise<Slot | null> {
    const [text, contested] = [
      await storage.get(keyOf(channel, 'slot')),
      await storage.get(keyOf(channel, 'contested')),
    ]
    const slot = (typeof text === 'string' ? JSON.parse(text) : text) as Stored | null | undefined
    if (!slot || slot.until <= clock()) return null
    return { ...slot, until: new Date(slot.until), isContested: contested != null }
  }

  /** The first request to count a position writes it; no other one does, even if the first one dies before that. */
  async function claim(channel: string, seq: number): Promise<boolean> {
    return (await storage.increment(keyOf(channel, String(seq)), lifetime * 2)) === 1
  }

  async function put(channel: string, message: Message, until: number): Promise<void> {
    const left = Math.max(1, Math.ceil((until - clock()) / 1000))
    await storage.set(keyOf(channel, 'slot'), JSON.stringify({ ...message, until }), left)
  }

  async function create(channel: string, message: Message): Promise<boolean | 'full'> {
    const period = Math.floor(clock() / SLOT_LIFETIME_MS / 2)
    if ((await storage.increment(`latchkey:rendezvous:${period}`, lifetime * 4)) > most) return 'full'
    if (!(await claim(channel, 0))) return false
    await put(channel, message, clock() + SLOT_LIFETIME_MS)
    return true
  }

  async function replace(adapter: Adapter, channel: string, message: Message): Promise<boolean> {
    const found = await read(adapter, channel)
    if (found?.seq !== message.seq - 1 || !(await claim(channel, message.seq))) return false
    await put(channel, following(found, message), found.until.getTime())
    return true
  }

  return {
    read,
    async write(adapter, channel, message) {
      const isDone = await (message.seq === 0 ? create(channel, message) : replace(adapter, channel, message))
      if (isDone === 'full') return isDone
      const written = isDone ? 'done' : judge(await read(adapter, channel), message)
      // Its winner has not written it yet.
      const isLost = written === 'early' && (await storage.get(keyOf(channel, String(message.seq)))) != null
      if (written !== 'contested' && !isLost) return written
      await storage.set(keyOf(channel, 'contested'), '1', lifetime)
      return 'contested'
    },
    async remove(_, channel) {
      await storage.delete(keyOf(channel, 'slot'))
    },
  }
}
