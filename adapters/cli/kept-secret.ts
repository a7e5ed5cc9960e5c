import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Place } from './configuration.ts'
import { makeDataFolder } from './database.ts'
import { PRIVATE_MODE } from './private-files.ts'
import { Refusal } from './refusal.ts'

/** The file of the secret, for a server that is configured without one. */
export function secretFileOf(place: Place): string {
  return join(resolve(place.kind === 'sqlite' ? place.folder : '.latchkey'), 'secret')
}

/**
 * Reads the secret; creates it at the first start and reuses it, because a new secret at each start would sign out
 * every user.
 *
 * @throws {Refusal} the file cannot be written, or does not contain a secret
 */
export function keptSecret(place: Place): string {
  const file = secretFileOf(place)
  const secret = readOrMake(file)
  if (!isSecret(secret))
    throw new Refusal(
      `${file} does not contain a secret. ` +
        'Restore it from a backup, or delete the file: a new secret signs out every user.',
    )
  return secret
}

/**
 * Returns what the file of the secret contains, without creating it.
 *
 * @returns null if there is no file
 */
export function peekSecret(place: Place): string | null {
  const file = secretFileOf(place)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null
}

/** Better Auth would use its own default, which is public, in place of an empty secret. */
export function isSecret(text: string): boolean {
  return text.length >= 32
}

function readOrMake(file: string): string {
  try {
    makeDataFolder(resolve(file, '..'))
    if (!existsSync(file)) makeSecret(file)
    chmodSync(file, PRIVATE_MODE)
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new Refusal(`Cannot store the secret in ${file} (${code}). Set --secret or another --data-dir.`)
  }
}

/** Two servers may start in the same folder at once: `link` is atomic, so both read the secret of the first. */
function makeSecret(file: string): void {
  const own = `${file}.${randomBytes(8).toString('hex')}`
  writeFileSync(own, randomBytes(32).toString('base64url'), { mode: PRIVATE_MODE, flag: 'wx' })
  try {
    linkSync(own, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
}
