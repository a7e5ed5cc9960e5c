import { createBetterAuthResolver } from 'latchkey/better-auth'
import { type ServerSession, isLatchkeyError, owns, requireWriter, toResponse } from 'latchkey/server'
import { auth } from './auth.ts'
import { database } from './database.ts'

const resolver = createBetterAuthResolver(auth)

/** `GET` lists the notes of the user, with or without an account. `PUT` applies changes first. */
export async function handleNotes(request: Request): Promise<Response> {
  const who = await resolver.resolve(request)
  if (!who.ok) return who.response()
  try {
    if (request.method === 'PUT') {
      requireWriter(who.session, { resource: 'notes', operation: 'update' })
      const changes = readChanges(await request.json().catch(() => null))
      if (!changes) return Response.json({ error: 'INVALID_CHANGES' }, { status: 400 })
      // The identity changed while the request was on its way: the device sends the notes again with the right token.
      if (!changes.every(({ owner }) => owns(who.session, owner)))
        return Response.json({ error: 'NOT_OWNER' }, { status: 403 })
      apply(who.session, changes)
    }
    return Response.json({ principals: who.session.principals, notes: list(who.session) })
  } catch (error) {
    if (isLatchkeyError(error)) return toResponse(error)
    throw error
  }
}

type User = Pick<ServerSession, 'principals'>

interface Note {
  readonly id: string
  readonly owner: string
  readonly text: string
  readonly updatedAt: number
  readonly isDeleted: boolean
}

/** The rows of an account are those of all its principals: its own, and the devices' that it adopted. */
function list({ principals }: User): Note[] {
  const rows = database
    .prepare(
      `select id, owner, text, updated_at as updatedAt from note
       where owner in (select value from json_each(?)) and not is_deleted`,
    )
    .all(JSON.stringify(principals))
  return rows.map((row) => ({ ...row, isDeleted: false }) as unknown as Note)
}

/** The latest change of a note wins. A user cannot change another user's note, whatever id they send. */
function apply({ principals }: User, changes: readonly Note[]): void {
  const statement = database.prepare(
    `insert into note (id, owner, text, updated_at, is_deleted) values (?, ?, ?, ?, ?)
     on conflict (id) do update
     set text = excluded.text, updated_at = excluded.updated_at, is_deleted = excluded.is_deleted
     where note.updated_at < excluded.updated_at and note.owner in (select value from json_each(?))`,
  )
  const now = Date.now()
  const own = JSON.stringify(principals)
  for (const { id, owner, text, updatedAt, isDeleted } of changes)
    statement.run(id, owner, text, Math.min(updatedAt, now), isDeleted ? 1 : 0, own)
}

const MAX_CHANGES = 1000
const MAX_CHARACTERS = 10_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function readChanges(body: unknown): readonly Note[] | null {
  const { changes } = (body ?? {}) as { changes?: unknown }
  return Array.isArray(changes) && changes.length <= MAX_CHANGES && changes.every(isNote) ? changes : null
}

function isNote(value: unknown): value is Note {
  const { id, owner, text, updatedAt, isDeleted } = (value ?? {}) as Partial<Record<keyof Note, unknown>>
  return (
    typeof id === 'string' &&
    UUID.test(id) &&
    typeof owner === 'string' &&
    typeof text === 'string' &&
    text.length <= MAX_CHARACTERS &&
    Number.isSafeInteger(updatedAt) &&
    typeof isDeleted === 'boolean'
  )
}
