/** A note as stored on this device. */
export interface Note {
  readonly id: string
  /** The principal that owns it. */
  readonly owner: string
  readonly title: string
  readonly body: string
  /** In milliseconds since 1970. Each change is later than the one before, whatever the clock says. */
  readonly updatedAt: number
  /** Kept until the server has received the deletion. */
  readonly deleted: boolean
  /** The principal that wrote it first, if an account has adopted it since; absent if it is the owner. */
  readonly origin?: string
}

/** The part that the user types. */
export type NoteText = Pick<Note, 'title' | 'body'>

/** A note as the server has it. */
export type ServerNote = Omit<Note, 'owner'>

/** A change of some fields. */
export type NoteChange = Partial<Pick<Note, 'title' | 'body' | 'deleted' | 'owner'>>

/** A change that is not on disk yet. */
export interface Unsaved {
  /** The note with the change. */
  readonly note: Note
  /** Only these fields are written: another tab may have changed the others. */
  readonly change: NoteChange
}

export function createNote(owner: string): Note {
  return { id: crypto.randomUUID(), owner, title: '', body: '', updatedAt: Date.now(), deleted: false }
}

export function changeNote(note: Note, change: NoteChange): Note {
  return { ...note, ...change, updatedAt: Math.max(Date.now(), note.updatedAt + 1) }
}

export function isSameText(one: NoteText, other: NoteText): boolean {
  return one.title === other.title && one.body === other.body
}

export function isBlank({ title, body }: NoteText): boolean {
  return `${title}${body}`.trim() === ''
}

/** Returns the text for a list: the title, otherwise the beginning of the body. */
export function headingOf({ title, body }: NoteText): string {
  return title.trim() || firstLine(body) || 'New note'
}

/** Returns the text below the heading in a list. */
export function excerptOf({ title, body }: NoteText): string {
  if (isBlank({ title, body })) return 'Nothing written yet'
  const text = title.trim() ? body : body.trim().slice(firstLine(body).length)
  return text.trim().replace(/\s+/g, ' ').slice(0, 120) || 'No more text'
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!.trim().slice(0, 120)
}
