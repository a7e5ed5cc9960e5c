import type { App } from '../app.ts'
import { first, keepOpenWhileBusy, onClick, part, setText } from '../dom.ts'
import { lastExpected } from '../mailbox.ts'
import { tell } from '../tell.ts'
import { failureWords, halfResetWords } from '../words.ts'
import { type EntryActs, enter } from './outcome.ts'

/**
 * A new password, by the link of a letter. Anyone can send such a link: only an address that the user typed is signed in
 * to, so that a link of another account gets nothing from this device.
 *
 * @returns a function that opens the dialog with the link's token
 */
export function createResetDialog(app: App, acts: EntryActs): (token: string) => void {
  const { account, auth } = app
  const dialog = part<HTMLDialogElement>('reset-dialog')
  const email = part<HTMLInputElement>('reset-email')
  const password = part<HTMLInputElement>('reset-password')
  let token = ''
  /** The password that the server has set: a token works once, so another try only signs in. */
  let isSet = false

  function findMistake(): [words: string, field: HTMLInputElement] | null {
    if (!email.validity.valid) return ['Enter the e-mail address of your account.', email]
    return password.validity.valid ? null : ['The password must have at least 8 characters.', password]
  }

  async function submit(): Promise<void> {
    const mistake = findMistake()
    setText(part('reset-error'), mistake?.[0] ?? '')
    for (const field of [email, password]) field.setAttribute('aria-invalid', String(field === mistake?.[1]))
    if (mistake) return mistake[1].focus()
    const [address, newPassword] = [email.value.trim(), password.value]
    dialog.toggleAttribute('data-busy', true)
    // One upgrade for both requests: both carry this device's proof.
    const reset = async (): Promise<unknown> => {
      const answer = isSet ? null : await account.resetPassword({ newPassword, token })
      if (answer?.error) return answer
      isSet = password.readOnly = true
      return account.signIn.email({ email: address, password: newPassword })
    }
    const error = await enter(app, acts, 'New password set.', reset, () => dialog.close()).finally(() =>
      dialog.toggleAttribute('data-busy', false),
    )
    if (!error) return
    const words = isSet ? halfResetWords(error) : failureWords(error, auth.getState())
    // A second Escape closes a dialog in some browsers, whatever the page says.
    if (!dialog.open) return tell(words)
    setText(part('reset-error'), words)
    ;(isSet ? email : password).focus()
  }

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  keepOpenWhileBusy(dialog)
  onClick('reset-close', () => dialog.close())
  dialog.addEventListener('close', () => {
    password.value = ''
    part('account-menu').focus()
  })

  return (newToken) => {
    token = newToken
    isSet = password.readOnly = false
    email.value = lastExpected()
    for (const field of [email, password]) field.removeAttribute('aria-invalid')
    setText(part('reset-error'), '')
    dialog.showModal()
    ;(email.value ? password : email).focus()
  }
}
