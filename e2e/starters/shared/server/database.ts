import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

if (existsSync('.env')) process.loadEnvFile()

const folder = process.env.DATA_DIR ?? '.data'
mkdirSync(folder, { recursive: true })

/** Of Better Auth alone. Any database that Better Auth supports will do as well. */
export const accounts = new DatabaseSync(join(folder, 'accounts.sqlite'), { timeout: 5000 })

/**
 * A file of its own: Better Auth's transactions stay open while it waits, for example for the hash of a password. What
 * is written through the same connection meanwhile is lost if a sign-up fails.
 */
export const database = new DatabaseSync(join(folder, 'notes.sqlite'), { timeout: 5000 })

accounts.exec('pragma journal_mode = wal')
database.exec(`
  pragma journal_mode = wal;
  create table if not exists note (
    id text primary key,
    owner text not null,
    text text not null,
    updated_at integer not null,
    is_deleted integer not null
  ) strict;
  create index if not exists note_owner on note (owner);
`)
