import { part, setText } from './dom.ts'

/**
 * Asks in one of the page's dialogs whose buttons end it.
 *
 * @param name - `${name}-dialog` and `${name}-words` are its parts
 * @returns the value of the button; empty if the user closed the dialog
 */
export function ask(name: string, words: string): Promise<string> {
  const dialog = part<HTMLDialogElement>(`${name}-dialog`)
  setText(part(`${name}-words`), words)
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true })
  })
}
