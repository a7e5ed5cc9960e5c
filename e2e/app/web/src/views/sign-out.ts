import { isLatchkeyError } from 'latchkey'
import type { App } from '../app.ts'
import { announce, part, setText } from '../dom.ts'
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
    if (!(await askToLeave(notebook.pendingCount()))) return false
    await auth.signOut({ force: true })
  }
  announce('Signed out.')
  return true
}

function askToLeave(unsynced: number): Promise<boolean> {
  const dialog = part<HTMLDialogElement>('sign-out-dialog')
  setText(part('sign-out-words'), vetoWords(unsynced))
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'leave'), { once: true })
  })
}
