import { isLatchkeyError } from 'latchkey'

/**
 * Runs an act of a dialog, which shows that it is busy meanwhile.
 *
 * @param show - called with the code of the library's error, if it fails with one
 */
export async function attempt(
  dialog: HTMLDialogElement,
  act: () => Promise<unknown>,
  show: (code: string) => void,
): Promise<void> {
  dialog.toggleAttribute('data-busy', true)
  try {
    await act()
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    show(error.code)
  } finally {
    dialog.toggleAttribute('data-busy', false)
  }
}
