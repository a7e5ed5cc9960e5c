import { rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LatchkeyError } from '../errors.ts'
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

/** How long to wait for the disk and for other processes, in milliseconds. */
const PATIENCE = 10_000

/**
 * A store on a file, for command lines and tests in Node. Any number of processes may use it at once.
 *
 * The file belongs to its user alone (mode 0600); one that others can read, that somebody else owns or that is a
 * symbolic link is refused with `KEYSTORE_UNAVAILABLE`. It is replaced as a whole and reaches the disk before
 * `update` resolves: whenever the process dies, the next one finds the record before or the record after.
 * The folder must be on a file system with hard links. An updater is called again if another process got in between.
 *
 * @param path - of the file; its folder is made (mode 0700) with the first record
 * @throws {TypeError} `path` is no path
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
 * The lock only keeps processes from disturbing each other; nothing depends on who takes whom for dead. Whoever
 * takes the lock sweeps first, and so removes what an owner before was about to put in place.
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

/** @returns false where another process took over: then nothing was written */
async function replace(file: string, text: string, turn: Turn, checkTime: () => void): Promise<boolean> {
  const temporary = temporaryOf(file)
  try {
    await writeNewFile(temporary, text)
    if (!(await turn.isMine())) return false
    checkTime()
    await rename(temporary, file)
  } catch (error) {
    // Swept away by the process that took over.
    if (isMissing(error)) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(dirname(file))
  return true
}

/**
 * Runs work that must end in bounded time. Afterwards `checkTime` throws, so that what was reported as failed is not
 * put in place later.
 */
async function bounded<Value>(work: (checkTime: () => void) => Promise<Value>): Promise<Value> {
  const late = new LatchkeyError('KEYSTORE_TIMEOUT', `no answer in ${PATIENCE} ms`)
  let isLate = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true
      reject(late)
    }, PATIENCE)
  })
  const checkTime = (): void => {
    if (isLate) throw late
  }
  try {
    return await Promise.race([work(checkTime), patience])
  } finally {
    clearTimeout(timer)
  }
}
