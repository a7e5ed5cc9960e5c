import { randomUUID } from 'node:crypto'
import { link, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isMissing, readPrivateFile, temporaryOf } from './file-access.ts'

/** An owner of whom it is not known that it died loses the lock when it kept it this long, in milliseconds. */
const STALE = 5_000

/** The right to change a file. Another process may take it away at any time. */
export interface Turn {
  isMine(): Promise<boolean>
  /** Lets the next process in. Never rejects. */
  end(): Promise<void>
}

/**
 * Waits for the lock beside `file`. A process that died leaves it behind: then it is taken over.
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
    const isFree = owner === undefined || isDead(owner) || performance.now() - since > STALE
    if (isFree && (await place(file, lock, mark, owner === undefined)))
      return { isMine, end: () => release(lock, isMine) }
    await pause()
  }
}

/** Puts the lock there complete, so that nobody ever sees half a mark. */
async function place(file: string, lock: string, mark: string, isNew: boolean): Promise<boolean> {
  const temporary = temporaryOf(file)
  try {
    await writeFile(temporary, mark, { flag: 'wx', mode: 0o600 })
    await (isNew ? link(temporary, lock) : rename(temporary, lock))
    return true
  } catch (error) {
    // Another process was faster, or swept the temporary file away.
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
    // It stays behind, and is taken over as any other.
  }
}

async function ownerOf(lock: string): Promise<string | undefined> {
  const mark = await readPrivateFile(lock)
  return mark && new TextDecoder().decode(mark)
}

/** Only a process of this machine can be asked for; a number that was given out anew counts as alive. */
function isDead(mark: string): boolean {
  const [, pid, host] = mark.split(' ')
  if (host !== hostname() || !/^[1-9]\d*$/.test(pid ?? '')) return false
  try {
    return !process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** A short wait of random length, so that two processes do not stay in step. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 9))
}
