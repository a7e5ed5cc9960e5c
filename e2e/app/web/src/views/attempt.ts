import { isLatchkeyError } from 'latchkey'
import { part, setText } from '../dom.ts'
import { tell } from '../tell.ts'

/**
 * Runs an act of a dialog, which shows that it is busy meanwhile. A failure is shown in the dialog, or as a message if
 * the user has closed it.
 *
 * @param name - `${name}-dialog` and `${name}-error` are its parts
 * @param wordsOf - turns the code of the library's error, or the name of the browser's, into words; undefined says nothing
 */
export async function attempt(
  name: string,
  act: () => Promise<unknown>,
  wordsOf: (code: string) => string | undefined,
): Promise<void> {
  const dialog = part<HTMLDialogElement>(`${name}-dialog`)
  setText(part(`${name}-error`), '')
  dialog.toggleAttribute('data-busy', true)
  try {
    await act()
  } catch (error) {
    if (!isLatchkeyError(error) && !(error instanceof DOMException)) throw error
    const words = wordsOf(isLatchkeyError(error) ? error.code : error.name)
    if (words === undefined) return
    if (dialog.open) setText(part(`${name}-error`), words)
    else tell(words)
  } finally {
    dialog.toggleAttribute('data-busy', false)
  }
}
