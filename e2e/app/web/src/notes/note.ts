/** A note as this device keeps it. */
export interface Note {
  readonly id: string
  /** The principal that it belongs to. */
  readonly owner: string
  readonly title: string
  readonly body: string
  /** Milliseconds since 1970. Each change is later than the one before, whatever the clock says. */
  readonly updatedAt: number
  /** Kept until the server knows. */
  readonly deleted: boolean
  /** The principal that wrote it first, where an account has adopted that one since; absent where it is the owner. */
  readonly origin?: string
}

/** What a person types. */
export type NoteText = Pick<Note, 'title' | 'body'>

export function createNote(owner: string): Note {
  return { id: crypto.randomUUID(), owner, title: '', body: '', updatedAt: Date.now(), deleted: false }
}

export function changeNote(note: Note, change: Partial<Pick<Note, 'title' | 'body' | 'deleted' | 'owner'>>): Note {
  return { ...note, ...change, updatedAt: Math.max(Date.now(), note.updatedAt + 1) }
}

export function isBlank({ title, body }: NoteText): boolean {
  return `${title}${body}`.trim() === ''
}

/** What a list shows for it: the title, or else how the text begins. */
export function headingOf({ title, body }: NoteText): string {
  return title.trim() || firstLine(body) || 'New note'
}

/** What a list shows below the heading. */
export function excerptOf({ title, body }: NoteText): string {
  if (isBlank({ title, body })) return 'Nothing written yet'
  const text = title.trim() ? body : body.trim().slice(firstLine(body).length)
  return text.trim().replace(/\s+/g, ' ').slice(0, 120) || 'No more text'
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!.trim().slice(0, 120)
}
