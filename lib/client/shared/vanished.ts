import { isLatchkeyError } from '../../errors.ts'
import type { Context } from './context.ts'

/** Reads the record. Returns false if it was deleted: the account, if there is one, is then a way back. */
export async function readUnlessVanished(context: Context): Promise<boolean> {
  try {
    await context.read()
    return true
  } catch (error) {
    if (isLatchkeyError(error, 'KEYSTORE_VANISHED')) return false
    throw error
  }
}
