import { rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LatchkeyError } from '../errors.ts'
import { withTimeout } from '../timeout.ts'
import {
  isMissing,
  makeFolder,
  readPrivateFile,
  reported,
  sweep,
  syncFolder,
  temporaryOf,
  writeNewFile,
} from './file-access.ts'
import { type Turn, pause, takeTurn } from './file-lock.ts'
import { formatRecord, parseRecord } from './file-text.ts'
import type { RecordStore } from './store.ts'

/** Time limit for the disk and for other processes, in milliseconds. */
const TIMEOUT_MS = 10_000

/**
 * Creates a store in a file, for command-line tools and tests in Node. Any number of processes can use it at once.
 *
 * Only the file's owner can access it (mode 0600). A file that others can access, that another user owns or that is a
 * symbolic link is refused with `KEYSTORE_UNAVAILABLE`. Each update replaces the whole file and is on disk before
 * `update` resolves: if a process dies at any point, the next one finds the record before or after the update. The
 * folder must be on a file system with hard links. An updater is called again if another process took over the lock.
 *
 * @param path - path of the file. Its folder is created (mode 0700) with the first record
 * @throws {TypeError} `path` is not a non-empty string
 */
export function fileStore(path: string): RecordStore {
  if (typeof path !== 'string' || path === '') throw new TypeError('path: expected the path of a file')
  const file = resolve(path)
  let last: Promise<unknown> = Promise.resolve()
  return {
    durability: 'persistent',
    read: () => bounded(() => readRecord(file)),
    update: (updater) =>
      bounded((checkTime) => {
        const next = last.then(() => change(file, updater, checkTime))
        last = next.catch(() => {})
        return next
      }),
    close() {},
  }
}

async function readRecord(file: string): Promise<unknown> {
  const bytes = await reported(readPrivateFile(file))
  return bytes && parseRecord(bytes)
}

/**
 * The lock only prevents wasted work: correctness does not depend on the detection of dead owners. The new owner first
 * sweeps temporary files, and so removes the file that a previous owner was about to rename.
 */
async function change<Value>(file: string, updater: (found: unknown) => Value, checkTime: () => void): Promise<Value> {
  for (;;) {
    checkTime()
    await reported(makeFolder(dirname(file)))
    const turn = await reported(takeTurn(file, checkTime))
    try {
      await reported(sweep(file))
      const found = await readRecord(file)
      const next = updater(found)
      if ((next as unknown) === found || (await reported(replace(file, formatRecord(next), turn, checkTime))))
        return next
    } finally {
      await turn.end()
    }
    await pause()
  }
}

/** @returns false if another process took over the lock: then nothing was written */
async function replace(file: string, text: string, turn: Turn, checkTime: () => void): Promise<boolean> {
  const temporary = temporaryOf(file)
  try {
    await writeNewFile(temporary, text)
    if (!(await turn.isMine())) return false
    checkTime()
    await rename(temporary, file)
  } catch (error) {
    // Removed by the process that took over.
    if (isMissing(error)) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(dirname(file))
  return true
}

/**
 * Runs work with a time limit. After the limit `checkTime` throws, so that an update that was reported as failed is not
 * written later.
 */
async function bounded<Value>(work: (checkTime: () => void) => Promise<Value>): Promise<Value> {
  const late = new LatchkeyError('KEYSTORE_TIMEOUT', `no answer in ${TIMEOUT_MS} ms`)
  let isLate = false
  const checkTime = (): void => {
    if (isLate) throw late
  }
  return withTimeout(work(checkTime), TIMEOUT_MS, (): never => {
    isLate = true
    throw late
  })
}
