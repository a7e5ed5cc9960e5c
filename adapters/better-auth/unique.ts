import type { Adapter } from './lock.ts'

/** How Postgres, SQLite, MySQL, SQL Server, Prisma and MongoDB name a value that was there already. */
const CODES: ReadonlySet<unknown> = new Set(['23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'ER_DUP_ENTRY', 1062, 2601, 2627, 'P2002', 11000])

/** Tells whether a database refused a row because its value was there already, and for no other reason. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, number, errno, message = '', cause } = (error ?? {}) as { code?: unknown; number?: unknown; errno?: unknown; message?: string; cause?: unknown }
  if ([code, number, errno].some((name) => CODES.has(name)) || /unique constraint|duplicate (key|entry)/i.test(message)) return true
  return cause !== undefined && isUniqueViolation(cause)
}

/**
 * Adds a row whose `field` no other row has. Better Auth's own migrations make the column unique; an app's own schema
 * or the memory adapter may not, so there it is looked at before and after.
 *
 * @returns false: the value was there already
 */
export async function insertUnique(adapter: Adapter, model: string, field: string, data: Record<string, unknown>): Promise<boolean> {
  const where = [{ field, value: data[field] as string }]
  const isTrusted = adapter.id === 'kysely'
  if (!isTrusted && (await adapter.count({ model, where })) > 0) return false
  try {
    const { id } = await adapter.create<{ id: string }>({ model, data: data as { id: string } })
    if (isTrusted || (await adapter.count({ model, where })) === 1) return true
    // Of two that came at once, none may stay: each of them saw two.
    await adapter.delete({ model, where: [{ field: 'id', value: id }] })
    return false
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}
