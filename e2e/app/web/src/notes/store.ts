import { type Stores, answerOf, transact } from './database.ts'
import { type Base, mergeNote } from './merge.ts'
import type { Note, NoteChange, ServerNote, Unsaved } from './note.ts'

/** A change that the server has not accepted yet. */
interface Pending {
  readonly owner: string
  readonly id: string
  /** The server's version that was changed; null for a new note. */
  readonly base: Base | null
  /** The version that was sent last, to which no response came yet. */
  readonly sent?: Base
}

/** The data of one principal on this device. */
export interface LocalNotes {
  readonly notes: readonly Note[]
  /** Ids of the notes whose current version the server does not have. */
  readonly pending: ReadonlySet<string>
}

/** The key range of one principal. */
const rangeOf = (owner: string): IDBKeyRange => IDBKeyRange.bound([owner], [owner, []])

export function readLocalNotes(owner: string): Promise<LocalNotes> {
  return transact('readonly', (stores) => localNotesIn(stores, owner))
}

async function localNotesIn(stores: Stores, owner: string): Promise<LocalNotes> {
  const { notes, waiting } = await allIn(stores, owner)
  return { notes, pending: new Set(waiting.keys()) }
}

async function allIn(
  { notes, outbox }: Stores,
  owner: string,
): Promise<{ notes: readonly Note[]; waiting: ReadonlyMap<string, Pending> }> {
  const [found, waiting] = await Promise.all([
    answerOf<Note[]>(notes.getAll(rangeOf(owner))),
    answerOf<Pending[]>(outbox.getAll(rangeOf(owner))),
  ])
  return { notes: found, waiting: new Map(waiting.map((each) => [each.id, each])) }
}

/** Stores changes, together with the mark that they must be sent to the server. */
export function saveNotes(changed: readonly Unsaved[]): Promise<void> {
  return transact('readwrite', async (stores) => {
    for (const { note, change } of changed) await saveIn(stores, note, change)
  })
}

async function saveIn({ notes, outbox }: Stores, note: Note, change: NoteChange): Promise<void> {
  const key = [note.owner, note.id]
  const [stored, pending] = await Promise.all([
    answerOf<Note | undefined>(notes.get(key)),
    answerOf<Pending | undefined>(outbox.get(key)),
  ])
  const updatedAt = Math.max(note.updatedAt, (stored?.updatedAt ?? 0) + 1)
  notes.put({ ...(stored ?? note), ...change, updatedAt } satisfies Note)
  const { base = stored && !pending ? baseOf(stored) : null, sent } = pending ?? {}
  outbox.put(pendingOf(note, base, sent))
}

/** A note that is only in memory any more, because the database was deleted. */
export interface Remembered {
  readonly note: Note
  /** True if the server does not have this version. */
  readonly isPending: boolean
  /** The version of the server that was changed, as far as it is known. */
  readonly base: Note | undefined
}

/** Stores notes that the database has lost. What it has already is not replaced by an earlier version. */
export function storeAgain(remembered: readonly Remembered[]): Promise<void> {
  return transact('readwrite', async ({ notes, outbox }) => {
    for (const { note, isPending, base } of remembered) {
      const stored = await answerOf<Note | undefined>(notes.get([note.owner, note.id]))
      if (stored && stored.updatedAt >= note.updatedAt) continue
      notes.put(note)
      if (isPending) outbox.put(pendingOf(note, base ? baseOf(base) : null))
    }
  })
}

const baseOf = ({ title, body, updatedAt }: ServerNote): Base => ({ title, body, updatedAt })

function pendingOf({ owner, id }: Note, base: Base | null, sent?: Base): Pending {
  return { owner, id, base, ...(sent && { sent }) }
}

/** A change to be sent. */
export interface Outgoing {
  readonly note: Note
  /** `updatedAt` of the version that it changes; null for a new note. */
  readonly base: number | null
}

/** Returns the changes to be sent, and remembers what is sent: the response may be lost. */
export function takeOutgoing(owner: string): Promise<readonly Outgoing[]> {
  return transact('readwrite', async ({ notes, outbox }) => {
    const waiting = await answerOf<Pending[]>(outbox.getAll(rangeOf(owner)))
    const outgoing: Outgoing[] = []
    for (const { id, base, sent } of waiting) {
      const note = await answerOf<Note | undefined>(notes.get([owner, id]))
      if (!note) outbox.delete([owner, id])
      else {
        outgoing.push({ note, base: base?.updatedAt ?? null })
        if (sent?.updatedAt !== note.updatedAt) outbox.put(pendingOf(note, base ?? null, baseOf(note)))
      }
    }
    return outgoing
  })
}

/**
 * Applies the server's responses to changes.
 *
 * @returns true if there are changes to be sent again, merged with the server's
 */
export function acknowledge(owner: string, rows: readonly ServerNote[]): Promise<boolean> {
  return transact('readwrite', async (stores) => {
    let isMore = false
    for (const row of rows) {
      const key = [owner, row.id]
      const [note, pending] = await Promise.all([
        answerOf<Note | undefined>(stores.notes.get(key)),
        answerOf<Pending | undefined>(stores.outbox.get(key)),
      ])
      if (takeRow(stores, owner, row, note, pending)) isMore = true
    }
    return isMore
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
    const { notes, waiting } = await allIn(stores, alias)
    for (const note of notes) await move(stores, note, waiting.get(note.id), principal)
  }
  const { notes, waiting } = await allIn(stores, principal)
  for (const note of notes)
    if (!principals.includes(originOf(note))) await move(stores, note, waiting.get(note.id), originOf(note))
}

const originOf = ({ origin, owner }: Note): string => origin ?? owner

/** If both owners have the note, the later change wins. */
async function move(stores: Stores, note: Note, pending: Pending | undefined, owner: string): Promise<void> {
  const there = await answerOf<Note | undefined>(stores.notes.get([owner, note.id]))
  remove(stores, note)
  if (there && there.updatedAt >= note.updatedAt) return
  const moved = { ...note, owner, origin: originOf(note) }
  stores.notes.put(moved)
  if (pending) stores.outbox.put({ ...pending, owner })
  else stores.outbox.delete([owner, note.id])
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
 * Applies the server's notes; changes from here are merged into them. Of a complete list: notes that the server never
 * received, or no longer has, are queued again, because this device must not lose them.
 *
 * @param principals - the owners of the rows
 * @returns true if there are changes to be sent
 */
export function mergeFromServer(
  owner: string,
  rows: readonly ServerNote[],
  principals: readonly string[],
  isComplete: boolean,
): Promise<boolean> {
  return transact('readwrite', async (stores) => {
    if (isComplete) await reownIn(stores, owner, principals)
    const { notes, waiting } = await allIn(stores, owner)
    const mine = new Map(notes.map((note) => [note.id, note]))
    let isMore = false
    for (const row of rows) {
      if (takeRow(stores, owner, row, mine.get(row.id), waiting.get(row.id))) isMore = true
      mine.delete(row.id)
    }
    const unheard = isComplete ? [...mine.values()].filter(({ id }) => !waiting.has(id)) : []
    for (const note of unheard) stores.outbox.put(pendingOf(note, null))
    return isMore || unheard.length > 0
  })
}

/**
 * Applies one note of the server.
 *
 * @returns true if the merge left something to be sent
 */
function takeRow(
  stores: Stores,
  owner: string,
  row: ServerNote,
  note: Note | undefined,
  pending: Pending | undefined,
): boolean {
  if (!note || !pending) return putRow(stores, owner, row, note)
  // The server has what was sent, although its response never came.
  const base = row.updatedAt === pending.sent?.updatedAt ? pending.sent : (pending.base ?? null)
  if (row.updatedAt === note.updatedAt && row.deleted === note.deleted) return putRow(stores, owner, row, note)
  if (row.updatedAt === base?.updatedAt) {
    stores.outbox.put(pendingOf(note, base))
    return false
  }
  const merged = mergeNote(note, base, row)
  if (merged.isPending) {
    stores.notes.put(merged.note)
    stores.outbox.put(pendingOf(merged.note, baseOf(row)))
  } else putRow(stores, owner, row, note)
  if (merged.copy) {
    stores.notes.put(merged.copy)
    stores.outbox.put(pendingOf(merged.copy, null))
  }
  return merged.isPending || merged.copy !== undefined
}

function putRow({ notes, outbox }: Stores, owner: string, row: ServerNote, note: Note | undefined): false {
  outbox.delete([owner, row.id])
  if (row.deleted) notes.delete([owner, row.id])
  else if (note?.updatedAt !== row.updatedAt) notes.put({ ...row, owner } satisfies Note)
  return false
}

/** Deletes the notes that the server has. Unsynced ones stay. */
export function forgetSynced(owner: string): Promise<void> {
  return transact('readwrite', async (stores) => {
    const { notes, pending } = await localNotesIn(stores, owner)
    for (const { id } of notes) if (!pending.has(id)) stores.notes.delete([owner, id])
  })
}
