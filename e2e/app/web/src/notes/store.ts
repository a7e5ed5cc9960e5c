import { type Stores, answerOf, transact } from './database.ts'
import type { Note } from './note.ts'

/** A change that the server has not taken yet. */
interface Pending {
  readonly owner: string
  readonly id: string
  /** Of the note when it changed. */
  readonly updatedAt: number
}

/** What this device holds for one principal. */
export interface Holdings {
  readonly notes: readonly Note[]
  /** Ids of the notes that the server does not have as they are here. */
  readonly pending: ReadonlySet<string>
}

/** A note as the server has it. */
export type ServerNote = Omit<Note, 'owner'>

/** Everything of one principal lies between these keys. */
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

/** Keeps notes together with the reminder that the server has to hear of them. */
export function saveNotes(changed: readonly Note[]): Promise<void> {
  return transact('readwrite', async (stores) => changed.forEach((note) => saveIn(stores, note)))
}

function saveIn({ notes, outbox }: Stores, note: Note): void {
  const { owner, id, updatedAt } = note
  notes.put(note)
  outbox.put({ owner, id, updatedAt } satisfies Pending)
}

/** Takes what the server answered to a change, unless the note changed once more meanwhile. */
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
 * Puts every note under the one who owns it now: an account has those of the principals that it adopted, and those of
 * one that it gave up go back. Changes that the server has not heard go along. Once more changes nothing, so that a tab
 * may die before it and the next one does it.
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

/** The later change of a note wins where both have it. */
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

/** Removes everything of one principal, also what only this device has. */
export function removeAll(owner: string): Promise<void> {
  return transact('readwrite', async ({ notes, outbox }) => {
    notes.delete(rangeOf(owner))
    outbox.delete(rangeOf(owner))
  })
}

/**
 * Takes over what the server holds. The later change of a note wins. What the server has never heard of, or no
 * longer knows, waits in the outbox again: it is not this device's to lose.
 *
 * @param principals - whose notes the rows are
 * @returns whether anything waits again
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

/** Removes what the server can bring back. What it has not heard yet stays. */
export function forgetSynced(owner: string): Promise<void> {
  return transact('readwrite', async (stores) => {
    const { notes, pending } = await holdingsIn(stores, owner)
    for (const { id } of notes) if (!pending.has(id)) stores.notes.delete([owner, id])
  })
}
