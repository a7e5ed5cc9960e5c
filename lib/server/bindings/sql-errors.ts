/** Codes of Postgres, SQLite, MySQL, SQL Server, Prisma and MongoDB for a unique violation. */
const UNIQUE_CODES: ReadonlySet<unknown> = new Set([
  '23505',
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'ER_DUP_ENTRY',
  1062,
  2601,
  2627,
  'P2002',
  11000,
])

/** Returns true if a database refused a row because a unique value exists already, and for no other reason. */
export function isUniqueViolation(error: unknown): boolean {
  return isCausedBy(
    error,
    ({ code, number, errno, message = '' }) =>
      [code, number, errno].some((name) => UNIQUE_CODES.has(name)) ||
      /unique constraint|duplicate (key|entry)/i.test(message),
  )
}

/** Postgres: serialization failure, deadlock. SQLite: another connection is writing. */
const CONFLICT_CODES: ReadonlySet<unknown> = new Set(['40001', '40P01', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT'])

/** `SQLITE_BUSY` with its extended codes, as `node:sqlite` gives it. */
const SQLITE_BUSY = 5

/** Returns true if a database refused a statement only because of a concurrent one, so that it can be repeated. */
export function isWriteConflict(error: unknown): boolean {
  return isCausedBy(error, ({ code, errcode }) => {
    const isBusy = typeof errcode === 'number' && (errcode & 0xff) === SQLITE_BUSY
    return CONFLICT_CODES.has(code) || isBusy
  })
}

/** Returns true if an error of a database, or what caused it, has one of these codes or numbers. */
export function hasErrorCode(error: unknown, codes: ReadonlySet<unknown>): boolean {
  return isCausedBy(error, ({ code, number, errno, errcode }) =>
    [code, number, errno, errcode].some((name) => codes.has(name)),
  )
}

interface DriverError {
  readonly code?: unknown
  readonly number?: unknown
  readonly errno?: unknown
  readonly errcode?: unknown
  readonly message?: string
  readonly cause?: unknown
}

function isCausedBy(error: unknown, matches: (error: DriverError) => boolean): boolean {
  const given = (error ?? {}) as DriverError
  return matches(given) || (given.cause !== undefined && isCausedBy(given.cause, matches))
}
