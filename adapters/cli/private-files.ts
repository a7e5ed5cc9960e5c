import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'

/** Readable and writable by the owner only. */
export const PRIVATE_MODE = 0o600

/** Makes a file private, and creates it if it does not exist: the folder may be open to everybody. */
export function makePrivate(file: string): void {
  // Created with the mode: between creating and changing it another user could open the file.
  closeSync(openSync(file, 'a', PRIVATE_MODE))
  chmodSync(file, PRIVATE_MODE)
}

/** Tells whether users other than the owner can read or write a file. Windows has no such modes. */
export function isOpenToOthers(file: string): boolean {
  return process.platform !== 'win32' && existsSync(file) && (statSync(file).mode & 0o077) !== 0
}
