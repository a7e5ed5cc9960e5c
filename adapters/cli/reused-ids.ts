import type { App } from './app.ts'

/**
 * Returns true if the database gives the id of a deleted user to a later one, as SQLite does with a numeric primary key
 * without AUTOINCREMENT. Better Auth creates such tables, so a missing one will have such a key.
 */
export async function reusesIds({ options, getAuthTables, connect, sql }: App): Promise<boolean> {
  if (options.advanced?.database?.generateId !== 'serial') return false
  const { kysely, databaseType } = await connect()
  if (databaseType !== 'sqlite') return false
  const { modelName } = getAuthTables(options)['user']!
  const query = sql`select 1 from sqlite_master where name = ${modelName} and sql like '%autoincrement%'`
  return (await query.execute(kysely)).rows.length === 0
}
