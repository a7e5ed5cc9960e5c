import type { Auth } from 'latchkey'
import type { Note, NoteText } from './note.ts'
import type { ServerNote } from './store.ts'

/** What the server says about all notes of the person who asks. */
export interface Listing {
  /** Whom the server took the request for. */
  readonly principal: string | null
  /** The same with the aliases: whose notes these are. */
  readonly principals: readonly string[]
  readonly notes: readonly ServerNote[]
}

/** The server refused: another try with the same content would fail as well. */
export class RefusedError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the server answered ${status}`)
    this.status = status
  }
}

export async function fetchNotes(auth: Auth): Promise<Listing> {
  return (await call(auth, '/api/notes')).json() as Promise<Listing>
}

/**
 * Sends one change.
 *
 * @returns the note as the server has it now: a later change from another device wins
 */
export async function sendNote(auth: Auth, note: Note): Promise<ServerNote> {
  const { title, body, updatedAt, origin } = note
  const path = `/api/notes/${note.id}`
  const headers = { 'content-type': 'application/json' }
  const response = note.deleted
    ? await call(auth, `${path}?updatedAt=${updatedAt}`, { method: 'DELETE' })
    : await call(auth, path, { method: 'PUT', headers, body: JSON.stringify({ title, body, updatedAt, origin }) })
  return ((await response.json()) as { note: ServerNote }).note
}

/** What the server says that somebody holds, in short. */
export interface Summary {
  readonly count: number
  readonly latest: readonly NoteText[]
}

/** @param token - of an account that is signed in at the account server, and not in force here */
export async function fetchSummary(token: string): Promise<Summary> {
  const response = await fetch('/api/notes/summary', {
    headers: { authorization: `Bearer ${token}` },
    cache: 'no-store',
  })
  if (!response.ok) throw new RefusedError(response.status)
  return response.json() as Promise<Summary>
}

/** The bearer is `auth.fetch`'s business: a device token or an account's, whatever the mode is. */
async function call(auth: Auth, path: string, init?: RequestInit): Promise<Response> {
  const response = await auth.fetch(path, init)
  if (!response.ok) throw new RefusedError(response.status)
  return response
}
