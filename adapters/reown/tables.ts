import type { ReownDatabase } from './database.ts'
import { dialectOf } from './dialects.ts'

/**
 * Returns the statements that create the journal, for a migration of the app.
 *
 * @throws {TypeError} the dialect is unknown
 */
export function reownTables(dialect: ReownDatabase['dialect']): readonly string[] {
  return dialectOf({ dialect }).journal
}
