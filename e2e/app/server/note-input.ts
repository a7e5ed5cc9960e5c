/** The part of a note that a client may set. */
export interface NoteChange {
  readonly title: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
  /**
   * The principal that wrote it first, if an account has adopted it since; null if that is the principal of the
   * request.
   */
  readonly origin: string | null
}

/** One change of a batch. */
export interface BatchChange extends NoteChange {
  readonly id: string
  readonly deleted: boolean
  /** `updatedAt` of the version that it changes; null for a new note. */
  readonly base: number | null
}

const TITLE_LIMIT = 200
const BODY_LIMIT = 100_000
const ORIGIN_LIMIT = 64
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** @returns null if the body is not a valid note, or is too long */
export function readNote(body: unknown): NoteChange | null {
  if (typeof body !== 'object' || body === null) return null
  const fields = body as Readonly<Record<string, unknown>>
  const title = readText(fields['title'], TITLE_LIMIT)
  const text = readText(fields['body'], BODY_LIMIT)
  const updatedAt = readTime(fields['updatedAt'])
  const origin = readText(fields['origin'], ORIGIN_LIMIT)
  return title === null || text === null || updatedAt === null ? null : { title, body: text, updatedAt, origin }
}

/** @returns null if the change is invalid */
export function readChange(body: unknown): BatchChange | null {
  const note = readNote(body)
  const { id, deleted, base } = (body ?? {}) as Readonly<Record<string, unknown>>
  if (!note || typeof id !== 'string' || !isId(id) || typeof deleted !== 'boolean') return null
  return { ...note, id, deleted, base: readTime(base) }
}

function readText(value: unknown, limit: number): string | null {
  return typeof value === 'string' && value.length <= limit ? value : null
}

/** A later change adds 1 to it, so it must stay well below the last safe integer. */
export function readTime(value: unknown): number | null {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 52 ? (value as number) : null
}

export function isId(value: string): boolean {
  return ID.test(value)
}
