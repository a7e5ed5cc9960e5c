import type { Auth } from 'latchkey'
import type { NoteText, ServerNote } from './note.ts'
import type { Outgoing } from './store.ts'

/** All tabs wait while one exchanges notes with the server. In milliseconds, with the body. */
const REQUEST_TIMEOUT_MS = 60_000

/** The server's response about all notes of the session. */
export interface Listing {
  /** The principal that the server resolved. */
  readonly principal: string | null
  /** The principal and its aliases: the owners of these notes. */
  readonly principals: readonly string[]
  readonly notes: readonly ServerNote[]
  /** Position of the latest change of any of them; ask for changes since then next time. */
  readonly latest: number
}

/** The server refused the request: a retry with the same content would fail too. */
export class RefusedError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the server answered ${status}`)
    this.status = status
  }
}

/**
 * @param since - `latest` of an earlier listing: only later changes are listed; 0 lists everything
 */
export async function fetchNotes(auth: Auth, since: number): Promise<Listing> {
  return (await call(auth, `/api/notes?since=${since}`)).json() as Promise<Listing>
}

/** The server's response to a batch. */
export interface BatchResult {
  /** The notes as the server now has them: a change of an outdated version is not written. */
  readonly notes: readonly ServerNote[]
  /** Ids of changes that are invalid, or belong to another owner. */
  readonly refused: readonly string[]
}

/** Sends changes. */
export async function sendNotes(auth: Auth, changes: readonly Outgoing[]): Promise<BatchResult> {
  const body = changes.map(({ note, base }) => {
    const { id, title, body, updatedAt, origin, deleted } = note
    return { id, title, body, updatedAt, origin, deleted, base }
  })
  const headers = { 'content-type': 'application/json' }
  const response = await call(auth, '/api/notes/batch', { method: 'PUT', headers, body: JSON.stringify(body) })
  return response.json() as Promise<BatchResult>
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
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  if (!response.ok) throw new RefusedError(response.status)
  return response.json() as Promise<Summary>
}

/** `auth.fetch` adds the bearer token: a device's or an account's, depending on the mode. */
async function call(auth: Auth, path: string, init?: RequestInit): Promise<Response> {
  const response = await auth.fetch(path, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
  if (!response.ok) throw new RefusedError(response.status)
  return response
}
