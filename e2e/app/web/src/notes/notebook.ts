import { createEmitter } from '../emitter.ts'
import { type Note, changeNote, createNote, isBlank } from './note.ts'
import { createSaver } from './saver.ts'
import { forgetSynced, readHoldings, removeAll, reown } from './store.ts'

/** The notes of the principal in force, as they are shown. What is typed is here first, and on disk right after. */
export interface Notebook {
  /** Whose notes these are; null while there is no identity to own any. */
  owner(): string | null
  /** The first look at the disk is done. */
  isOpen(): boolean
  /** The latest change first. */
  notes(): readonly Note[]
  find(id: string | null): Note | undefined
  /** How many notes the server does not have as they are here. */
  pendingCount(): number
  isPending(id: string): boolean
  /** The browser keeps what is typed. */
  isKept(): boolean
  /** The browser refuses to keep something at the moment. */
  isFailing(): boolean
  /**
   * Shows somebody's notes. What was written without any identity becomes theirs.
   *
   * @param principals - the owner and its aliases, whose notes are the owner's, too
   */
  open(owner: string | null, principals?: readonly string[]): Promise<void>
  /** Puts notes under the one who owns them now. */
  reown(owner: string, principals: readonly string[]): Promise<void>
  /** Reads again what other tabs and the server changed. */
  reload(): Promise<void>
  /** Adds a blank note, or finds the one that is there. It is kept once something is typed. */
  add(): Note
  edit(id: string, change: Partial<Pick<Note, 'title' | 'body'>>): void
  remove(id: string): void
  restore(note: Note): void
  /** Lets go of a note in which nothing is written. */
  tidy(id: string): void
  /** Removes from this device what the server can bring back. */
  forget(owner: string): Promise<void>
  /** Removes everything of somebody from this device. */
  discard(owner: string): Promise<void>
  /** Resolves once everything typed is on disk, or cannot be. */
  settled(): Promise<void>
  subscribe(listener: () => void): () => void
}

/** Owner of notes that were written while the browser kept no identity. */
const NOBODY = ''

/** @param onSaved - a change is on disk: other tabs and the server can have it */
export function createNotebook(onSaved: () => void): Notebook {
  const { emit, subscribe } = createEmitter()
  const saver = createSaver(emit, onSaved)
  let owner: string | null = null
  let opened = false
  let shown = new Map<string, Note>()
  let sorted: readonly Note[] | undefined
  let pending: ReadonlySet<string> = new Set()
  /** Not typed into yet: it is nowhere but here. */
  let draft: Note | undefined

  function show(notes: Iterable<Note>): void {
    shown = new Map([...notes].map((note) => [note.id, note]))
    sorted = undefined
    emit()
  }

  function change(note: Note): void {
    if (draft?.id === note.id) draft = undefined
    pending = new Set([...pending, note.id])
    show([...[...shown.values()].filter(({ id }) => id !== note.id), note])
    if (note.owner !== NOBODY) saver.save(note)
  }

  function remove(id: string): void {
    const note = shown.get(id)
    if (!note || note.deleted) return
    if (draft?.id !== id) return change(changeNote(note, { deleted: true }))
    draft = undefined
    show([...shown.values()].filter((other) => other !== note))
  }

  async function reload(): Promise<void> {
    const asked = owner
    if (asked === null) return
    const holdings = await saver.guard(readHoldings(asked))
    // Meanwhile somebody else may have signed in.
    if (!holdings || owner !== asked) return
    const unsaved = saver.unsaved(asked)
    pending = new Set([...holdings.pending, ...unsaved.map(({ id }) => id)])
    show([...(draft ? [draft] : []), ...holdings.notes, ...unsaved])
  }

  /** What is still to be written has to be on disk before it can move. */
  async function reownAll(to: string, principals: readonly string[]): Promise<void> {
    await saver.settled()
    await saver.guard(reown(to, principals))
    await reload()
  }

  function turnTo(next: string | null): void {
    const homeless = [...shown.values()].filter((note) => note.owner === NOBODY && !isBlank(note))
    owner = next
    draft = undefined
    pending = new Set()
    show([])
    if (next === null) return
    for (const note of homeless) change(changeNote(note, { owner: next }))
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
    isKept: () => owner !== null && !saver.isFailing(),
    isFailing: saver.isFailing,
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
      if (note) change(changeNote(note, text))
    },
    remove,
    restore: (note) =>
      change(changeNote(shown.get(note.id) ?? note, { title: note.title, body: note.body, deleted: false })),
    tidy(id) {
      const note = shown.get(id)
      if (note && isBlank(note)) remove(id)
    },
    async forget(from) {
      await saver.settled()
      await saver.guard(forgetSynced(from))
    },
    async discard(from) {
      await saver.settled()
      await saver.guard(removeAll(from))
    },
    reown: reownAll,
    settled: saver.settled,
  }
}

function sort(notes: Iterable<Note>): readonly Note[] {
  return [...notes].filter(({ deleted }) => !deleted).sort((a, b) => b.updatedAt - a.updatedAt)
}
