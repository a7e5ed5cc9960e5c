import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from './bundle.testing.ts'
import { type TestDatabase, newPostgres, openPostgres, openSqlite } from './database.testing.ts'
import { ORIGIN } from './server.testing.ts'

/** A database where processes meet, and the tests' own view of it. */
export interface MeetingPlace {
  readonly place: string
  readonly database: TestDatabase
  /** Closes the view, and deletes what is on the disk. */
  close(): Promise<void>
}

/** Databases that processes can share. */
export const PLACES: Readonly<Record<'a SQLite file' | 'Postgres', () => Promise<MeetingPlace>>> = {
  'a SQLite file': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-processes-'))
    const place = join(folder, 'auth.sqlite')
    const database = openSqlite(place)
    const close = async (): Promise<void> => {
      await database.close()
      rmSync(folder, { recursive: true })
    }
    return { place, database, close }
  },
  Postgres: async () => {
    const place = await newPostgres()
    const database = await openPostgres(true, place)
    return { place, database, close: () => database.close() }
  },
}

const WORKER = new URL('server.worker.mjs', import.meta.url)

/**
 * Starts `server.worker.mjs`, which loads the built package by its name.
 *
 * @param place - a file, or the address of a Postgres database
 */
export async function startProcess(place: string): Promise<ChildProcess> {
  const worker = fork(await compile(WORKER, [':memory:', ORIGIN]), [place, ORIGIN])
  const failed = once(worker, 'exit').then(([code]) => {
    throw new Error(`the server process ended with ${String(code)} before it was ready`)
  })
  await Promise.race([once(worker, 'message'), failed])
  // Later ends are the tests' own doing.
  failed.catch(() => {})
  return worker
}
