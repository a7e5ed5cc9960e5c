import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

if (existsSync('.env')) process.loadEnvFile()

const file = process.env.DATABASE_FILE ?? '.data/app.sqlite'
mkdirSync(dirname(file), { recursive: true })

/** One file for the accounts and the notes. Any database that Better Auth supports will do as well. */
export const database = new DatabaseSync(file, { timeout: 5000 })

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
