import { randomUUID } from 'node:crypto'
import { link, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isMissing, readPrivateFile, temporaryOf } from './file-access.ts'

/** Age at which a lock may be taken over although its owner may be alive, in milliseconds. */
const STALE_LOCK_MS = 5_000

/** Holding the lock. Another process may take it over at any time. */
export interface Turn {
  isMine(): Promise<boolean>
  /** Releases the lock. Never rejects. */
  end(): Promise<void>
}

/**
 * Waits for the lock beside `file`. The lock of a dead process is taken over.
 *
 * @param checkTime - throws when it is time to give up
 */
export async function takeTurn(file: string, checkTime: () => void): Promise<Turn> {
  const lock = `${file}.lock`
  const mark = `${randomUUID()} ${process.pid} ${hostname()}`
  const isMine = async (): Promise<boolean> => (await ownerOf(lock)) === mark
  let seen: string | undefined
  let since = 0
  for (;;) {
    checkTime()
    const owner = await ownerOf(lock)
    if (owner !== seen) [seen, since] = [owner, performance.now()]
    const isFree = owner === undefined || isDead(owner) || performance.now() - since > STALE_LOCK_MS
    if (isFree && (await place(file, lock, mark, owner === undefined)))
      return { isMine, end: () => release(lock, isMine) }
    await pause()
  }
}

/** Writes the lock completely before it becomes visible, so that no process reads half a mark. */
async function place(file: string, lock: string, mark: string, isNew: boolean): Promise<boolean> {
  const temporary = temporaryOf(file)
  try {
    await writeFile(temporary, mark, { flag: 'wx', mode: 0o600 })
    await (isNew ? link(temporary, lock) : rename(temporary, lock))
    return true
  } catch (error) {
    // Another process was faster, or removed the temporary file.
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function release(lock: string, isMine: () => Promise<boolean>): Promise<void> {
  try {
    if (await isMine()) await rm(lock, { force: true })
  } catch {
    // The lock stays, and another process takes it over later.
  }
}

async function ownerOf(lock: string): Promise<string | undefined> {
  const mark = await readPrivateFile(lock)
  return mark && new TextDecoder().decode(mark)
}

/** Only processes of this machine can be checked. A pid that was reused counts as alive. */
function isDead(mark: string): boolean {
  const [, pid, host] = mark.split(' ')
  if (host !== hostname() || !/^[1-9]\d*$/.test(pid ?? '')) return false
  try {
    return !process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Waits for a short random time, so that two processes do not stay in step. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 9))
}
