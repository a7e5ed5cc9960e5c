/** Error codes of Postgres, MySQL, SQL Server and Prisma. */
const ABSENCE_CODES = new Set<unknown>(['42P01', '42703', 1146, 1054, 208, 207, 'P2021', 'P2022'])

/**
 * Returns true only for errors that say that a table, a column or its entry in an ORM's schema is missing: a database
 * that is slow, locked or unreachable must not switch off a defence.
 */
export function isAbsence(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errno, number, cause } = error as Error & Partial<Record<'code' | 'errno' | 'number', unknown>>
  if ([code, errno, number].some((value) => ABSENCE_CODES.has(value))) return true
  if (/no such (table|column)|(model|field) .* (does not exist|was not found) in /i.test(error.message)) return true
  return cause !== undefined && isAbsence(cause)
}
