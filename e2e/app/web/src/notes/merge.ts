import { type Note, type NoteText, type ServerNote, changeNote, createNote, isSameText } from './note.ts'

/** A version of a note that this device and the server both knew. */
export interface Base extends NoteText {
  readonly updatedAt: number
}

/** What becomes of a note that was changed here and, since then, elsewhere. */
export interface Merged {
  readonly note: Note
  /** True if the server does not have this version of the note yet. */
  readonly isPending: boolean
  /** A new note with the text from here that found no place. */
  readonly copy?: Note
}

/**
 * Merges by field: what only one side changed stays. If both changed the same field, the note gets the other side's
 * text, and the text from here goes into a copy. A deletion never removes text that it did not know. Nothing is lost.
 *
 * @param base - the version that both sides started from; null if there is none
 */
export function mergeNote(mine: Note, base: Base | null, theirs: ServerNote): Merged {
  const taken: Note = { ...theirs, owner: mine.owner }
  if (mine.deleted || (!theirs.deleted && isSameText(mine, theirs))) return { note: taken, isPending: false }
  const later = { ...mine, updatedAt: Math.max(mine.updatedAt, theirs.updatedAt) }
  if (theirs.deleted) return { note: changeNote(later, {}), isPending: true }

  /** @returns undefined if both sides changed it */
  const pick = (field: keyof NoteText): string | undefined => {
    if (mine[field] === theirs[field] || theirs[field] === base?.[field]) return mine[field]
    return mine[field] === base?.[field] ? theirs[field] : undefined
  }
  const merged = { title: pick('title'), body: pick('body') }
  const note = changeNote(later, { title: merged.title ?? theirs.title, body: merged.body ?? theirs.body })
  const isPending = !isSameText(note, theirs)
  const kept = isPending ? note : taken
  const isConflict = merged.title === undefined || merged.body === undefined
  return isConflict ? { note: kept, isPending, copy: copyOf(mine) } : { note: kept, isPending }
}

function copyOf({ owner, title, body }: Note): Note {
  return changeNote(createNote(owner), { title: `${title} (conflict copy)`.trim().slice(-200), body })
}
