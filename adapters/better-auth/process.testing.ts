import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { ORIGIN } from './server.testing.ts'

/**
 * Starts `server.worker.mjs`, which loads the built package by its name.
 *
 * @param place - a file, or the address of a Postgres database
 */
export async function startProcess(place: string): Promise<ChildProcess> {
  const worker = fork(new URL('server.worker.mjs', import.meta.url), [place, ORIGIN])
  const failed = once(worker, 'exit').then(([code]) => {
    throw new Error(`the server process ended with ${String(code)} before it was ready`)
  })
  await Promise.race([once(worker, 'message'), failed])
  // Later ends are the tests' own doing.
  failed.catch(() => {})
  return worker
}
