import type { App } from '../app.ts'
import { first, keepOpenWhileBusy, onClick, part, setText } from '../dom.ts'
import { failureWords } from '../words.ts'
import { type EntryActs, enter } from './outcome.ts'

/**
 * A new password, by the link of a letter.
 *
 * @returns a function that opens the dialog with the link's token, and the address that it was sent to
 */
export function createResetDialog(app: App, acts: EntryActs): (token: string, email: string) => void {
  const { account, auth } = app
  const dialog = part<HTMLDialogElement>('reset-dialog')
  const field = part<HTMLInputElement>('reset-password')
  let token = ''
  let email = ''

  async function submit(): Promise<void> {
    const password = field.value
    setText(part('reset-error'), '')
    dialog.toggleAttribute('data-busy', true)
    // One upgrade for both requests: both carry this device's proof.
    const reset = async (): Promise<unknown> => {
      const answer = await account.resetPassword({ newPassword: password, token })
      return answer.error ? answer : account.signIn.email({ email, password })
    }
    const error = await enter(app, acts, 'New password set.', reset, () => dialog.close()).finally(() =>
      dialog.toggleAttribute('data-busy', false),
    )
    if (error) setText(part('reset-error'), failureWords(error, auth.getState()))
  }

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  keepOpenWhileBusy(dialog)
  onClick('reset-close', () => dialog.close())
  dialog.addEventListener('close', () => (field.value = ''))

  return (newToken, address) => {
    token = newToken
    email = address
    part<HTMLInputElement>('reset-email').value = address
    setText(part('reset-error'), '')
    dialog.showModal()
    field.focus()
  }
}
