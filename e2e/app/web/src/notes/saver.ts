import type { Note } from './note.ts'
import { saveNotes } from './store.ts'

/** Writes notes to disk as soon, and as rarely, as possible: changes made during one write go into the next. */
export interface Saver {
  save(note: Note): void
  /** Returns an owner's notes that are not on disk yet. */
  unsaved(owner: string): readonly Note[]
  /** Returns true while the browser stores nothing. */
  isFailing(): boolean
  /** Resolves once everything is on disk, or the disk refused it. */
  settled(): Promise<void>
  /** Waits for another use of the disk, and detects its failure. */
  guard<Value>(use: Promise<Value>): Promise<Value | undefined>
}

/** How long to wait before a failed write is retried, in milliseconds. */
const PATIENCE = 3000

export function createSaver(onChange: () => void, onSaved: () => void): Saver {
  const waiting = new Map<string, Note>()
  let writing: Promise<void> | undefined
  let failing = false

  function setFailing(value: boolean): void {
    if (failing === value) return
    failing = value
    onChange()
  }

  async function guard<Value>(use: Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await use
      setFailing(false)
      return value
    } catch {
      setFailing(true)
      return undefined
    }
  }

  async function write(): Promise<void> {
    while (waiting.size) {
      const batch = [...waiting.values()]
      await guard(saveNotes(batch))
      if (failing) return void setTimeout(start, PATIENCE)
      for (const note of batch) if (waiting.get(note.id) === note) waiting.delete(note.id)
      onSaved()
    }
  }

  function start(): void {
    writing ??= write().finally(() => (writing = undefined))
  }

  return {
    save(note) {
      waiting.set(note.id, note)
      start()
    },
    unsaved: (owner) => [...waiting.values()].filter((note) => note.owner === owner),
    isFailing: () => failing,
    settled: async () => writing,
    guard,
  }
}
