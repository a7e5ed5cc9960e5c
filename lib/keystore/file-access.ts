import { randomUUID } from 'node:crypto'
import { type Stats, constants } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'

/** What the operating system's refusals mean; every other one is `KEYSTORE_UNAVAILABLE` too. */
const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  EACCES: 'KEYSTORE_UNAVAILABLE',
  EPERM: 'KEYSTORE_UNAVAILABLE',
  EROFS: 'KEYSTORE_UNAVAILABLE',
  ENOSPC: 'KEYSTORE_UNAVAILABLE',
  EDQUOT: 'KEYSTORE_UNAVAILABLE',
}

/** Gives what the operating system refuses a code of ours. */
export async function reported<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined || code === undefined) throw error
    throw new LatchkeyError(CODES[code] ?? 'KEYSTORE_UNAVAILABLE', `${code} (${syscall})`, error)
  }
}

/** Tells whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/**
 * Reads a file that nobody else may read or have put there; undefined where there is none.
 *
 * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`
 */
export async function readPrivateFile(file: string): Promise<Uint8Array | undefined> {
  // Not through a link to somewhere else, and not waiting for whoever writes to a pipe.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (isMissing(error)) return undefined
      throw (error as NodeJS.ErrnoException).code === 'ELOOP' ? refusal(file, 'is a symbolic link', error) : error
    },
  )
  if (!handle) return undefined
  try {
    checkPrivate(file, await handle.stat())
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/**
 * As ssh does with its keys: who could read the file is for a person to think about, so nothing is tightened silently.
 */
function checkPrivate(file: string, found: Stats): void {
  if (!found.isFile()) throw refusal(file, 'is not a file')
  const user = process.geteuid?.()
  if (user === undefined) return
  if (found.uid !== user) throw refusal(file, 'belongs to another user')
  if (found.mode & 0o077)
    throw refusal(
      file,
      `can be used by others (mode ${(found.mode & 0o777).toString(8)}); if nobody read it: chmod 600`,
    )
}

function refusal(file: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('KEYSTORE_UNAVAILABLE', `${file} ${why}`, cause)
}

const TEMPORARY = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/

/** A name beside the file that nobody else uses. */
export function temporaryOf(file: string): string {
  return `${file}.${randomUUID()}.tmp`
}

/** Removes every temporary file of a file: those of processes that died, and of any that goes on without its turn. */
export async function sweep(file: string): Promise<void> {
  const [folder, name] = [dirname(file), basename(file)]
  const strays = (await readdir(folder)).filter(
    (other) => other.startsWith(name) && TEMPORARY.test(other.slice(name.length)),
  )
  await Promise.all(strays.map((other) => rm(join(folder, other), { force: true })))
}

/** Writes a file that was not there, for its user alone, and waits until it is on the disk. */
export async function writeNewFile(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder that only its user can enter, unless it is there. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Waits until the names in a folder are on the disk. Windows has no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
