import type { Auth } from 'latchkey'
import type { Note, NoteText } from './note.ts'
import type { ServerNote } from './store.ts'

/** The server's response about all notes of the session. */
export interface Listing {
  /** The principal that the server resolved. */
  readonly principal: string | null
  /** The principal and its aliases: the owners of these notes. */
  readonly principals: readonly string[]
  readonly notes: readonly ServerNote[]
}

/** The server refused the request: a retry with the same content would fail too. */
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
 * @returns the note as the server now has it: a later change from another device wins
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

/** The server's summary of an owner's notes. */
export interface Summary {
  readonly count: number
  readonly latest: readonly NoteText[]
}

/** @param token - of an account that is signed in at the account server but not current here */
export async function fetchSummary(token: string): Promise<Summary> {
  const response = await fetch('/api/notes/summary', {
    headers: { authorization: `Bearer ${token}` },
    cache: 'no-store',
  })
  if (!response.ok) throw new RefusedError(response.status)
  return response.json() as Promise<Summary>
}

/** `auth.fetch` adds the bearer token: a device's or an account's, depending on the mode. */
async function call(auth: Auth, path: string, init?: RequestInit): Promise<Response> {
  const response = await auth.fetch(path, init)
  if (!response.ok) throw new RefusedError(response.status)
  return response
}
