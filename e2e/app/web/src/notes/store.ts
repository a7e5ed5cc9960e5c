import { type Stores, answerOf, transact } from './database.ts'
import type { Note } from './note.ts'

/** A change that the server has not accepted yet. */
interface Pending {
  readonly owner: string
  readonly id: string
  /** `updatedAt` of the note at the change. */
  readonly updatedAt: number
}

/** The data of one principal on this device. */
export interface Holdings {
  readonly notes: readonly Note[]
  /** Ids of the notes whose current version the server does not have. */
  readonly pending: ReadonlySet<string>
}

/** A note as the server has it. */
export type ServerNote = Omit<Note, 'owner'>

/** The key range of one principal. */
const rangeOf = (owner: string): IDBKeyRange => IDBKeyRange.bound([owner], [owner, []])

export function readHoldings(owner: string): Promise<Holdings> {
  return transact('readonly', (stores) => holdingsIn(stores, owner))
}

async function holdingsIn({ notes, outbox }: Stores, owner: string): Promise<Holdings> {
  const [found, pending] = await Promise.all([
    answerOf<Note[]>(notes.getAll(rangeOf(owner))),
    answerOf<Pending[]>(outbox.getAll(rangeOf(owner))),
  ])
  return { notes: found, pending: new Set(pending.map(({ id }) => id)) }
}

/** Stores notes, together with the mark that they must be sent to the server. */
export function saveNotes(changed: readonly Note[]): Promise<void> {
  return transact('readwrite', async (stores) => changed.forEach((note) => saveIn(stores, note)))
}

function saveIn({ notes, outbox }: Stores, note: Note): void {
  const { owner, id, updatedAt } = note
  notes.put(note)
  outbox.put({ owner, id, updatedAt } satisfies Pending)
}

/** Applies the server's response to a change, unless the note changed again meanwhile. */
export function acknowledge(sent: Note, kept: ServerNote): Promise<void> {
  return transact('readwrite', async ({ notes, outbox }) => {
    const key = [sent.owner, sent.id]
    const pending = await answerOf<Pending | undefined>(outbox.get(key))
    if (pending?.updatedAt !== sent.updatedAt) return
    outbox.delete(key)
    if (kept.deleted) notes.delete(key)
    else notes.put({ ...kept, owner: sent.owner } satisfies Note)
  })
}

/**
 * Moves every note to its current owner: an account owns the notes of its aliases, and the notes of a removed alias go
 * back. Unsent changes move along. Idempotent, so that a tab may die during it and the next one completes it.
 */
export function reown(principal: string, principals: readonly string[]): Promise<void> {
  return transact('readwrite', (stores) => reownIn(stores, principal, principals))
}

async function reownIn(stores: Stores, principal: string, principals: readonly string[]): Promise<void> {
  for (const alias of principals.filter((other) => other !== principal)) {
    const { notes, pending } = await holdingsIn(stores, alias)
    for (const note of notes) await move(stores, note, pending.has(note.id), principal)
  }
  const { notes, pending } = await holdingsIn(stores, principal)
  for (const note of notes)
    if (!principals.includes(originOf(note))) await move(stores, note, pending.has(note.id), originOf(note))
}

const originOf = ({ origin, owner }: Note): string => origin ?? owner

/** If both owners have the note, the later change wins. */
async function move(stores: Stores, note: Note, isPending: boolean, owner: string): Promise<void> {
  const there = await answerOf<Note | undefined>(stores.notes.get([owner, note.id]))
  remove(stores, note)
  if (there && there.updatedAt >= note.updatedAt) return
  const moved = { ...note, owner, origin: originOf(note) }
  if (isPending) return saveIn(stores, moved)
  stores.notes.put(moved)
  stores.outbox.delete([owner, note.id])
}

function remove({ notes, outbox }: Stores, { owner, id }: Note): void {
  notes.delete([owner, id])
  outbox.delete([owner, id])
}

/** Deletes everything of one principal, including unsynced notes. */
export function removeAll(owner: string): Promise<void> {
  return transact('readwrite', async ({ notes, outbox }) => {
    notes.delete(rangeOf(owner))
    outbox.delete(rangeOf(owner))
  })
}

/**
 * Applies the server's notes. The later change of a note wins. Notes that the server never received, or no longer has,
 * are queued again: this device must not lose them.
 *
 * @param principals - the owners of the rows
 * @returns true if notes were queued again
 */
export function mergeFromServer(
  owner: string,
  rows: readonly ServerNote[],
  principals: readonly string[],
): Promise<boolean> {
  return transact('readwrite', async (stores) => {
    await reownIn(stores, owner, principals)
    const { notes, pending } = await holdingsIn(stores, owner)
    const mine = new Map(notes.map((note) => [note.id, note]))
    for (const row of rows) {
      const note = mine.get(row.id)
      mine.delete(row.id)
      if (!pending.has(row.id) || !note || note.updatedAt <= row.updatedAt) takeRow(stores, owner, row, note)
    }
    const unheard = [...mine.values()].filter(({ id }) => !pending.has(id))
    for (const note of unheard) saveIn(stores, note)
    return unheard.length > 0
  })
}

function takeRow({ notes, outbox }: Stores, owner: string, row: ServerNote, note: Note | undefined): void {
  outbox.delete([owner, row.id])
  if (row.deleted) notes.delete([owner, row.id])
  else if (note?.updatedAt !== row.updatedAt) notes.put({ ...row, owner } satisfies Note)
}

/** Deletes the notes that the server has. Unsynced ones stay. */
export function forgetSynced(owner: string): Promise<void> {
  return transact('readwrite', async (stores) => {
    const { notes, pending } = await holdingsIn(stores, owner)
    for (const { id } of notes) if (!pending.has(id)) stores.notes.delete([owner, id])
  })
}
