import { Hono } from 'hono'
import { type Kysely, sql } from 'kysely'
import { type SessionEnvironment, authenticate } from 'latchkey/hono'
import {
  type ServerSession,
  type SessionMatch,
  type SessionResolver,
  type WriteAttempt,
  type WriterSession,
  matches,
  owns,
  requireWriter,
} from 'latchkey/server'
import { type BatchChange, isId, readChange, readNote, readTime } from './note-input.ts'

/** A row. A deleted note stays as a tombstone, so that every device learns of the deletion. */
export interface NoteTable {
  id: string
  /** The principal that wrote it first. */
  owner: string
  title: string
  body: string
  /** In milliseconds since 1970, by the writing device's clock. */
  updatedAt: number
  deleted: 0 | 1
  /** Position of its latest change among all changes. */
  position: number
}

type NoteText = Pick<NoteTable, 'title' | 'body'>
type Database = Kysely<{ note: NoteTable }>

export async function createNoteTable(database: Database): Promise<void> {
  await database.schema
    .createTable('note')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('updatedAt', 'integer', (column) => column.notNull())
    .addColumn('deleted', 'integer', (column) => column.notNull())
    .execute()
  const [table] = (await database.introspection.getTables()).filter(({ name }) => name === 'note')
  if (!table?.columns.some(({ name }) => name === 'position')) {
    await database.schema
      .alterTable('note')
      .addColumn('position', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
  }
  await database.schema.createIndex('note_position').ifNotExists().on('note').column('position').execute()
  await database.schema.createIndex('note_owner').ifNotExists().on('note').column('owner').execute()
}

/** Sessions that can own notes: an anonymous session reads nothing. */
const OWNER: SessionMatch = { authMode: ['local-first', 'external'] }

/** Creates the notes API. Only the resolver determines the session, and every query filters by owner. */
export function createNotes(database: Database, resolver: SessionResolver): Hono<SessionEnvironment> {
  const notes = new Hono<SessionEnvironment>()

  notes.use(authenticate(resolver, { optional: true }))

  notes.get('/', async (context) => {
    const session = context.get('session')
    const { principal, principals } = session
    const since = Number(context.req.query('since')) || 0
    const rows = matches(session, OWNER)
      ? await database
          .selectFrom('note')
          .selectAll()
          .where('owner', 'in', principals)
          .where('position', '>', since || -1)
          .execute()
      : []
    const latest = Math.max(since, ...rows.map(({ position }) => position))
    return context.json({ principal, principals, notes: rows.map(toJson), latest })
  })

  notes.get('/summary', async (context) => {
    const session = context.get('session')
    return context.json(
      matches(session, OWNER) ? await summarise(database, session.principals) : { count: 0, latest: [] },
    )
  })

  notes.put('/batch', async (context) => {
    const session = writer(context.get('session'), 'update')
    const given: unknown = await context.req.json().catch(() => null)
    if (!Array.isArray(given) || given.length > BATCH_LIMIT) return context.json({ error: 'invalid' }, 400)
    return context.json(await writeBatch(database, session, given))
  })

  notes.put('/:id', async (context) => {
    const session = writer(context.get('session'), 'update')
    const { id } = context.req.param()
    const change = readNote(await context.req.json().catch(() => null))
    if (!change || !isId(id)) return context.json({ error: 'invalid' }, 400)
    const { origin, ...text } = change
    const row = await writeNote(database, session, {
      id,
      ...text,
      deleted: 0,
      owner: owns(session, origin) ? origin! : session.principal,
    })
    return row ? context.json({ note: toJson(row) }) : context.json({ error: 'not found' }, 404)
  })

  notes.delete('/:id', async (context) => {
    const session = writer(context.get('session'), 'delete')
    const { id } = context.req.param()
    const updatedAt = readTime(Number(context.req.query('updatedAt')))
    if (updatedAt === null || !isId(id)) return context.json({ error: 'invalid' }, 400)
    const row = await writeNote(database, session, {
      id,
      title: '',
      body: '',
      updatedAt,
      deleted: 1,
      owner: session.principal,
    })
    return row ? context.json({ note: toJson(row) }) : context.json({ error: 'not found' }, 404)
  })

  return notes
}

function writer(session: ServerSession, operation: WriteAttempt['operation']): WriterSession {
  requireWriter(session, { resource: 'notes', operation })
  return session
}

const BATCH_LIMIT = 100

/** Writes each change of the version that the row has; of any other, the client gets the row and merges. */
async function writeBatch(
  database: Database,
  session: WriterSession,
  given: readonly unknown[],
): Promise<{ notes: object[]; refused: string[] }> {
  const answer: { notes: object[]; refused: string[] } = { notes: [], refused: [] }
  await database.transaction().execute(async (transaction) => {
    for (const each of given) {
      const change = readChange(each)
      const kept = change && (await writeNote(transaction, session, rowOf(session, change), change.base))
      if (kept) answer.notes.push(toJson(kept))
      else answer.refused.push(String((each as { id?: unknown } | null)?.id))
    }
  })
  return answer
}

function rowOf(session: WriterSession, { id, title, body, updatedAt, origin, deleted }: BatchChange): NewRow {
  const owner = owns(session, origin) ? origin! : session.principal
  return deleted
    ? { id, owner, title: '', body: '', updatedAt, deleted: 1 }
    : { id, owner, title, body, updatedAt, deleted: 0 }
}

type NewRow = Omit<NoteTable, 'position'>

/**
 * Writes a row unless it already has a later change. Idempotent.
 *
 * @param base - if given, the row is written only if it still is the version with this `updatedAt`; null: if it is new
 * @returns the row after the call; null if it belongs to another owner, which looks like a missing row
 */
async function writeNote(
  database: Database,
  session: WriterSession,
  row: NewRow,
  base?: number | null,
): Promise<NoteTable | null> {
  const { id, owner, ...text } = row
  const fields = { ...text, position: sql<number>`(select coalesce(max(position), 0) + 1 from note)` }
  // One statement: a separate check could be outdated when the write runs.
  await database
    .insertInto('note')
    .values({ id, owner, ...fields })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet(fields)
        .where('note.owner', 'in', session.principals)
        .where('note.updatedAt', base === undefined ? '<' : '=', base === undefined ? row.updatedAt : (base ?? -1)),
    )
    .execute()
  const kept = await database.selectFrom('note').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  return owns(session, kept.owner) ? kept : null
}

/** Number of headings in a summary. */
const LATEST = 3

/** Summarizes an owner's notes, for the user who decides between two identities. */
async function summarise(
  database: Database,
  principals: readonly string[],
): Promise<{ count: number; latest: NoteText[] }> {
  const written = database
    .selectFrom('note')
    .where('owner', 'in', principals)
    .where('deleted', '=', 0)
    .where(sql`trim(title || body)`, '<>', '')
  const { count } = await written.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
  const latest = await written
    .select(['title', sql<string>`substr(body, 1, 200)`.as('body')])
    .orderBy('updatedAt', 'desc')
    .limit(LATEST)
    .execute()
  return { count, latest }
}

function toJson({ id, owner, title, body, updatedAt, deleted }: NoteTable): object {
  return { id, origin: owner, title, body, updatedAt, deleted: deleted === 1 }
}
