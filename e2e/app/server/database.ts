import SQLite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { unwritable } from './configuration.ts'
import { type NoteTable, createNoteTable } from './notes.ts'

/** The app's own tables; Better Auth's are in the same file. */
export interface Tables {
  note: NoteTable
}

export type Database = Kysely<Tables>

/**
 * Opens the file. Better Auth and the notes share one Kysely instance: it gives its single connection to one
 * transaction at a time, so that no note is written inside a sign-up.
 *
 * @throws {ConfigurationError}
 */
export async function openDatabase(file: string): Promise<Database> {
  try {
    const connection = new SQLite(file)
    connection.pragma('journal_mode = WAL')
    const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) })
    await createNoteTable(database)
    return database
  } catch (error) {
    throw unwritable(file, error)
  }
}
