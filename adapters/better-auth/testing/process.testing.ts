import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { afterAll } from 'vitest'
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

/**
 * Starts `server.worker.mjs`, which loads the built package by its name.
 *
 * @param place - a file, or the address of a Postgres database
 */
export async function startProcess(place: string): Promise<ChildProcess> {
  const worker = fork(await bundledWorker(), [place, ORIGIN])
  const failed = once(worker, 'exit').then(([code]) => {
    throw new Error(`the server process ended with ${String(code)} before it was ready`)
  })
  await Promise.race([once(worker, 'message'), failed])
  // Later ends are the tests' own doing.
  failed.catch(() => {})
  return worker
}

let bundling: Promise<string> | undefined
const bundles = mkdtempSync(join(tmpdir(), 'latchkey-worker-'))
afterAll(() => rmSync(bundles, { recursive: true }))

/** The worker in one file, without its hundreds of modules: it starts in a third of the time. */
function bundledWorker(): Promise<string> {
  return (bundling ??= bundleWorker())
}

async function bundleWorker(): Promise<string> {
  // What stays outside is found from the bundle, too.
  symlinkSync(new URL('../../../node_modules', import.meta.url), join(bundles, 'node_modules'))
  await build({
    logLevel: 'silent',
    configFile: false,
    ssr: { noExternal: true, external: ['better-sqlite3', 'pg'] },
    build: {
      ssr: fileURLToPath(new URL('server.worker.mjs', import.meta.url)),
      outDir: join(bundles, 'out'),
      minify: false,
      rollupOptions: { output: { entryFileNames: 'server.mjs' } },
    },
  })
  return join(bundles, 'out', 'server.mjs')
}
