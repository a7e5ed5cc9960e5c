import { isLatchkeyError } from 'latchkey'
import type { App } from '../app.ts'
import { ask } from '../ask.ts'
import { tell } from '../tell.ts'
import { vetoWords } from '../words.ts'

/**
 * Signs out. Asks first if there are unsynced changes.
 *
 * @returns false if the user cancels
 */
export async function signOut({ auth, notebook }: App): Promise<boolean> {
  try {
    await auth.signOut()
  } catch (error) {
    if (!isLatchkeyError(error, 'UNSYNCED_DATA')) throw error
    if ((await ask('sign-out', vetoWords(notebook.pendingCount()))) !== 'leave') return false
    await auth.signOut({ force: true })
  }
  tell('Signed out. Your notes are in your account.')
  return true
}
