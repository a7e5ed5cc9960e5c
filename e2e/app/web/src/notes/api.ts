import type { Auth } from 'latchkey'
import type { Note } from './note.ts'
import type { ServerNote } from './store.ts'

/** What the server says about all notes of the person who asks. */
export interface Listing {
  /** Whom the server took the request for. */
  readonly principal: string | null
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
  const { title, body, updatedAt } = note
  const path = `/api/notes/${note.id}`
  const headers = { 'content-type': 'application/json' }
  const response = note.deleted
    ? await call(auth, `${path}?updatedAt=${updatedAt}`, { method: 'DELETE' })
    : await call(auth, path, { method: 'PUT', headers, body: JSON.stringify({ title, body, updatedAt }) })
  return ((await response.json()) as { note: ServerNote }).note
}

/** The bearer is `auth.fetch`'s business: a device token or an account's, whatever the mode is. */
async function call(auth: Auth, path: string, init?: RequestInit): Promise<Response> {
  const response = await auth.fetch(path, init)
  if (!response.ok) throw new RefusedError(response.status)
  return response
}
