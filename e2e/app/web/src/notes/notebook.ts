import { createEmitter } from '../emitter.ts'
import { lossCount } from './database.ts'
import { type Note, type NoteChange, changeNote, createNote, isBlank } from './note.ts'
import { createSaver } from './saver.ts'
import { type Remembered, forgetSynced, readLocalNotes, removeAll, reown, storeAgain } from './store.ts'
import { whileNobodySyncs } from './tabs.ts'

/** The notes of the current principal, as shown. Typed text appears here first and is on disk right after. */
export interface Notebook {
  /** Returns the owner; null while there is no identity. */
  owner(): string | null
  /** Returns true once the notes were read from disk. */
  isOpen(): boolean
  /** Returns the notes, the latest change first. */
  notes(): readonly Note[]
  find(id: string | null): Note | undefined
  /** Returns the number of notes whose current version the server does not have. */
  pendingCount(): number
  isPending(id: string): boolean
  /** Returns true if the browser stores the typed text. */
  isKept(): boolean
  /** Returns true while the browser refuses to store something. */
  isFailing(): boolean
  /** Returns true if the stored notes were deleted: what is shown is only in memory, until `keepAgain`. */
  isLost(): boolean
  /** Stores what is shown again. Only once the identity is stored: the user may have cleared both on purpose. */
  keepAgain(): Promise<void>
  /**
   * Shows an owner's notes. Notes that were written without an identity become the owner's.
   *
   * @param principals - the owner and its aliases, whose notes belong to the owner too
   */
  open(owner: string | null, principals?: readonly string[]): Promise<void>
  /** Moves notes to their current owner. */
  reown(owner: string, principals: readonly string[]): Promise<void>
  /** Reads changes of other tabs and of the server. */
  reload(): Promise<void>
  /** Adds a blank note, or returns the existing blank one. It is stored once it contains text. */
  add(): Note
  edit(id: string, change: Partial<Pick<Note, 'title' | 'body'>>): void
  remove(id: string): void
  restore(note: Note): void
  /** Drops a note without text. */
  tidy(id: string): void
  /** Deletes from this device what the server has. */
  forget(owner: string): Promise<void>
  /** Deletes everything of an owner from this device. */
  discard(owner: string): Promise<void>
  /** Resolves once all typed text is on disk, or cannot be stored. */
  settled(): Promise<void>
  subscribe(listener: () => void): () => void
}

/** Owner of notes that were written while the browser stored no identity. */
const NOBODY = ''

/** @param onSaved - called when a change is on disk, for other tabs and the server */
export function createNotebook(onSaved: () => void): Notebook {
  const { emit, subscribe } = createEmitter()
  const saver = createSaver(emit, onSaved)
  let owner: string | null = null
  let opened = false
  let shown = new Map<string, Note>()
  let sorted: readonly Note[] | undefined
  let pending: ReadonlySet<string> = new Set()
  /** A new note without text: it exists only here. */
  let draft: Note | undefined
  /** Losses of the database that are made good, or do not concern this owner. */
  let settledLosses = lossCount()
  /** Versions that the server has of notes that were changed since a loss. */
  const bases = new Map<string, Note>()
  const isLost = (): boolean => lossCount() > settledLosses

  function show(notes: Iterable<Note>): void {
    shown = new Map([...notes].map((note) => [note.id, note]))
    sorted = undefined
    emit()
  }

  function change(before: Note, fields: NoteChange): void {
    if (draft?.id === before.id) draft = undefined
    const note = changeNote(before, fields)
    if (isLost() && shown.has(before.id) && !pending.has(before.id)) bases.set(before.id, before)
    pending = new Set([...pending, note.id])
    show([...[...shown.values()].filter(({ id }) => id !== note.id), note])
    if (note.owner !== NOBODY && !isLost()) saver.save({ note, change: fields })
  }

  function remove(id: string): void {
    const note = shown.get(id)
    if (!note || note.deleted) return
    if (draft?.id !== id) return change(note, { deleted: true })
    draft = undefined
    show([...shown.values()].filter((other) => other !== note))
  }

  async function reload(): Promise<void> {
    const asked = owner
    if (asked === null) return
    const local = await saver.guard(readLocalNotes(asked))
    // Another user may have signed in meanwhile.
    if (!local || owner !== asked) return
    const unsaved = new Map(saver.unsaved(asked).map((each) => [each.note.id, each]))
    const onlyHere = isLost() ? remembered().filter(isNewerThan(local.notes)) : []
    const ids = new Set(onlyHere.map(({ note }) => note.id))
    pending = new Set([
      ...local.pending,
      ...unsaved.keys(),
      ...onlyHere.filter(({ isPending }) => isPending).map(({ note }) => note.id),
    ])
    // Of an unsaved note, the other fields may have changed on disk.
    const stored = local.notes.map((note) => {
      const { change: fields, note: changed } = unsaved.get(note.id) ?? {}
      return changed ? { ...note, ...fields, updatedAt: changed.updatedAt } : note
    })
    show([
      ...(draft ? [draft] : []),
      ...[...unsaved.values()].map(({ note }) => note),
      ...stored.filter(({ id }) => !ids.has(id)),
      ...onlyHere.map(({ note }) => note),
    ])
  }

  /** Returns what is shown, for the case that the database has lost it. */
  function remembered(): Remembered[] {
    return [...shown.values()]
      .filter((note) => note.owner === owner && note.id !== draft?.id)
      .map((note) => ({ note, isPending: pending.has(note.id), base: bases.get(note.id) }))
  }

  async function keepAgain(): Promise<void> {
    if (!isLost() || owner === null) return
    const [asked, losses, notes] = [owner, lossCount(), remembered()]
    const isStored = await saver.guard(storeAgain(notes).then(() => true))
    if (!isStored || owner !== asked) return
    settledLosses = losses
    bases.clear()
    // What was typed meanwhile.
    const before = new Map(notes.map(({ note }) => [note.id, note]))
    for (const { note } of remembered())
      if (before.get(note.id) !== note)
        saver.save({ note, change: { title: note.title, body: note.body, deleted: note.deleted } })
    await reload()
    onSaved()
  }

  /** Unsaved changes must be on disk before they can be moved. */
  async function reownAll(to: string, principals: readonly string[]): Promise<void> {
    await saver.settled()
    await saver.guard(reown(to, principals))
    await reload()
  }

  /** Deletes at once, and again what another tab wrote that had not learned yet that the user has left. */
  async function leave(from: string, remove: (from: string) => Promise<void>): Promise<void> {
    await saver.settled()
    await saver.guard(remove(from))
    await whileNobodySyncs(async () => {
      if (owner !== from) await saver.guard(remove(from))
    })
  }

  function turnTo(next: string | null): void {
    const homeless = [...shown.values()].filter((note) => note.owner === NOBODY && !isBlank(note))
    owner = next
    draft = undefined
    settledLosses = lossCount()
    bases.clear()
    pending = new Set()
    show([])
    if (next === null) return
    for (const note of homeless) change(note, { owner: next })
  }

  return {
    subscribe,
    reload,
    owner: () => owner,
    notes: () => (sorted ??= sort(shown.values())),
    find: (id) => shown.get(id ?? ''),
    pendingCount: () => pending.size,
    isPending: (id) => pending.has(id),
    isOpen: () => opened,
    isKept: () => owner !== null && !saver.isFailing() && !isLost(),
    isFailing: saver.isFailing,
    isLost,
    keepAgain,
    async open(next, principals = []) {
      if (next !== owner) turnTo(next)
      if (next !== null) await reownAll(next, [next, ...principals])
      opened = true
      emit()
    },
    add() {
      draft ??= createNote(owner ?? NOBODY)
      if (!shown.has(draft.id)) show([...shown.values(), draft])
      return draft
    },
    edit(id, text) {
      const note = shown.get(id)
      if (note) change(note, text)
    },
    remove,
    restore: (note) => change(shown.get(note.id) ?? note, { title: note.title, body: note.body, deleted: false }),
    tidy(id) {
      const note = shown.get(id)
      if (note && isBlank(note)) remove(id)
    },
    forget: (from) => leave(from, forgetSynced),
    discard: (from) => leave(from, removeAll),
    reown: reownAll,
    async settled() {
      await keepAgain()
      await saver.settled()
    },
  }
}

/** Selects notes that are not among the stored ones, or only in an earlier version. */
function isNewerThan(stored: readonly Note[]): (remembered: Remembered) => boolean {
  const times = new Map(stored.map(({ id, updatedAt }) => [id, updatedAt]))
  return ({ note }) => note.updatedAt > (times.get(note.id) ?? 0)
}

function sort(notes: Iterable<Note>): readonly Note[] {
  return [...notes].filter(({ deleted }) => !deleted).sort((a, b) => b.updatedAt - a.updatedAt)
}
