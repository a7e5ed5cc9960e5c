import type { Unsaved } from './note.ts'
import { saveNotes } from './store.ts'

/** Writes notes to disk as soon, and as rarely, as possible: changes made during one write go into the next. */
export interface Saver {
  save(unsaved: Unsaved): void
  /** Returns an owner's changes that are not on disk yet. */
  unsaved(owner: string): readonly Unsaved[]
  /** Returns true while the browser stores nothing. A failed write ends with a successful one, not with a read. */
  isFailing(): boolean
  /** Resolves once everything is on disk, or the disk refused it. */
  settled(): Promise<void>
  /** Waits for another use of the disk, and detects its failure. */
  guard<Value>(use: Promise<Value>): Promise<Value | undefined>
}

/** How long to wait before a failed write is retried, in milliseconds. */
const RETRY_DELAY_MS = 3000

export function createSaver(onChange: () => void, onSaved: () => void): Saver {
  const waiting = new Map<string, Unsaved>()
  let writing: Promise<void> | undefined
  let failed: 'write' | 'other' | null = null

  function setFailed(next: typeof failed): void {
    const isNews = (failed === null) !== (next === null)
    failed = next
    if (isNews) onChange()
  }

  async function guard<Value>(use: Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await use
      // A full disk can be read.
      if (failed !== 'write') setFailed(null)
      return value
    } catch {
      setFailed(failed ?? 'other')
      return undefined
    }
  }

  async function store(batch: readonly Unsaved[]): Promise<boolean> {
    try {
      await saveNotes(batch)
      setFailed(null)
      return true
    } catch {
      setFailed('write')
      return false
    }
  }

  async function write(): Promise<void> {
    while (waiting.size) {
      const batch = [...waiting]
      if (!(await store(batch.map(([, unsaved]) => unsaved)))) return void setTimeout(start, RETRY_DELAY_MS)
      for (const [id, unsaved] of batch) if (waiting.get(id) === unsaved) waiting.delete(id)
      onSaved()
    }
  }

  function start(): void {
    writing ??= write().finally(() => (writing = undefined))
  }

  return {
    save({ note, change }) {
      const before = waiting.get(note.id)
      waiting.set(note.id, { note, change: { ...before?.change, ...change } })
      start()
    },
    unsaved: (owner) => [...waiting.values()].filter(({ note }) => note.owner === owner),
    isFailing: () => failed !== null,
    settled: async () => writing,
    guard,
  }
}
