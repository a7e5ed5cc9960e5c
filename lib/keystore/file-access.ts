import { randomUUID } from 'node:crypto'
import { type Stats, constants } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'

/** Codes for errors of the operating system. Others are `KEYSTORE_UNAVAILABLE`. */
const CODES: Readonly<Record<string, LatchkeyErrorCode>> = { ENOSPC: 'KEYSTORE_FULL', EDQUOT: 'KEYSTORE_FULL' }

/** Converts errors of the operating system into `LatchkeyError`s. */
export async function reported<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined || code === undefined) throw error
    throw new LatchkeyError(CODES[code] ?? 'KEYSTORE_UNAVAILABLE', `${code} (${syscall})`, error)
  }
}

/** Returns true if an error says that a file does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/**
 * Reads a file that belongs to this user and that no other user can access. Returns undefined if it does not exist.
 *
 * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`
 */
export async function readPrivateFile(file: string): Promise<Uint8Array | undefined> {
  // Does not follow symbolic links, and does not block on a pipe without a writer.
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
 * Like ssh with its keys: permissions are not tightened silently, because the user must know that others had access.
 */
function checkPrivate(file: string, found: Stats): void {
  if (!found.isFile()) throw refusal(file, 'is not a file')
  const user = process.geteuid?.()
  if (user === undefined) return
  if (found.uid !== user) throw refusal(file, 'belongs to another user')
  if (found.mode & 0o077)
    throw refusal(
      file,
      `is accessible to other users (mode ${(found.mode & 0o777).toString(8)}); if none has read it, run chmod 600`,
    )
}

function refusal(file: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('KEYSTORE_UNAVAILABLE', `${file} ${why}`, cause)
}

const TEMPORARY = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/

/** Returns a unique temporary name beside the file. */
export function temporaryOf(file: string): string {
  return `${file}.${randomUUID()}.tmp`
}

/** Removes all temporary files of a file: those of dead processes, and those of processes that have lost the lock. */
export async function sweep(file: string): Promise<void> {
  const [folder, name] = [dirname(file), basename(file)]
  const strays = (await readdir(folder)).filter(
    (other) => other.startsWith(name) && TEMPORARY.test(other.slice(name.length)),
  )
  await Promise.all(strays.map((other) => rm(join(folder, other), { force: true })))
}

/** Creates a file for this user only, and waits until it is on disk. Fails if the file exists. */
export async function writeNewFile(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Creates a folder that only this user can enter, unless it exists. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Waits until a folder's entries are on disk. Windows has no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
