import { get, update } from 'idb-keyval'

/** A note, as this device and the server know it. */
export interface Note {
  readonly id: string
  /** The principal that wrote it. */
  readonly owner: string
  readonly text: string
  /** In milliseconds since 1970. */
  readonly updatedAt: number
  readonly isDeleted: boolean
}

/** A note on this device. */
export interface LocalNote extends Note {
  /** The server does not have this version yet. */
  readonly isPending: boolean
}

/** The server takes no longer note. */
export const MAX_CHARACTERS = 10_000

const KEY = 'notes'

/** Reads the notes of everybody who used this browser: show only those of the current principals. */
export async function readNotes(): Promise<LocalNote[]> {
  return (await get<LocalNote[]>(KEY)) ?? []
}

/** Changes them in one transaction, so that two tabs never lose a note. */
export async function changeNotes(change: (notes: LocalNote[]) => LocalNote[]): Promise<void> {
  await update<LocalNote[]>(KEY, (notes = []) => change(notes))
}
