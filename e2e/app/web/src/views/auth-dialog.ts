import type { LatchkeyError } from 'latchkey'
import type { App } from '../app.ts'
import { first, keepOpenWhileBusy, onClick, part, setHidden, setText } from '../dom.ts'
import { expectLetters } from '../mailbox.ts'
import { tell } from '../tell.ts'
import { blamedField, failureWords } from '../words.ts'
import { type EntryActs, enter } from './outcome.ts'

export type AuthIntent = 'sign-up' | 'sign-in'

const SHORTEST_PASSWORD = 8

const WORDS = {
  'sign-up': {
    heading: 'Create your account',
    words: 'You keep this identity and every note. The account is your way back to them.',
    submit: 'Create account',
    busy: 'Creating…',
    done: 'Account created.',
    question: 'Already have an account?',
    switch: 'Sign in',
    password: 'new-password',
  },
  'sign-in': {
    heading: 'Sign in',
    words: 'Open the notes of your account on this device.',
    submit: 'Sign in',
    busy: 'Signing in…',
    done: 'Signed in.',
    question: 'No account yet?',
    switch: 'Create one',
    password: 'current-password',
  },
} as const

const AGAIN = {
  ...WORDS['sign-in'],
  heading: 'Sign in again',
  words: 'The session has ended. Your notes on this device are waiting.',
} as const

type Field = 'email' | 'password'
type Fields = Readonly<Record<Field, HTMLInputElement>>

/**
 * One dialog for sign-up and sign-in, by a password or by a link in a letter.
 *
 * @returns a function that opens it, with an e-mail address filled in
 */
export function createAuthDialog(app: App, acts: EntryActs): (intent: AuthIntent, email?: string) => void {
  const { auth, account } = app
  const dialog = part<HTMLDialogElement>('auth-dialog')
  const fields: Fields = { email: part('auth-email'), password: part('auth-password') }
  let intent: AuthIntent = 'sign-in'

  function show(next: AuthIntent): void {
    intent = next
    // A signed-in user signs in again to the same account; sign-up would create another one.
    const isAgain = auth.getState().authMode === 'external'
    const { heading, words, submit, question, password } = isAgain ? AGAIN : WORDS[intent]
    dialog.dataset['intent'] = intent
    setText(first(dialog, '#auth-heading'), heading)
    setText(first(dialog, '.dialog-words'), words)
    setText(part('auth-submit'), submit)
    setText(first(dialog, '.dialog-switch span'), question)
    setText(part('auth-switch'), WORDS[intent].switch)
    fields.password.autocomplete = password
    setHidden(first(dialog, '.dialog-switch'), isAgain)
    setHidden(part('auth-forgot'), intent === 'sign-up')
    showError('')
  }

  function showError(text: string, at?: Field): void {
    setText(part('auth-error'), text)
    for (const [name, field] of Object.entries(fields)) field.setAttribute('aria-invalid', String(name === at))
    if (at) fields[at].focus()
  }

  function setBusy(busy: boolean): void {
    for (const button of dialog.querySelectorAll('button')) button.disabled = busy
    dialog.toggleAttribute('data-busy', busy)
    setText(part('auth-submit'), busy ? WORDS[intent].busy : WORDS[intent].submit)
  }

  /** @param needed - the fields that this way needs */
  async function attempt(run: () => Promise<unknown>, needed: readonly Field[]): Promise<void> {
    const mistake = findMistake(fields, intent, needed)
    if (mistake) return showError(...mistake)
    showError('')
    setBusy(true)
    expectLetters(email())
    const error = await enter(app, acts, WORDS[intent].done, run, () => dialog.close()).finally(() => setBusy(false))
    if (error) fail(error)
  }

  function fail(error: LatchkeyError): void {
    const words = failureWords(error, auth.getState())
    const field = blamedField(error)
    if (dialog.open) {
      showError(words, field)
      // No field is wrong if the server cannot be reached: the next step is another try.
      if (!field) part('auth-submit').focus()
      return
    }
    // A second Escape closes a dialog in some browsers, whatever the page says.
    tell(words, { action: { label: 'Try again', act: () => open(intent) } })
  }

  const email = (): string => fields.email.value.trim()
  const credentials = () => ({ email: email(), password: fields.password.value })
  const name = (): string => email().split('@')[0]!

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    // Now: a dialog that closes meanwhile empties its fields.
    const [given, named, isNew] = [credentials(), name(), intent === 'sign-up']
    void attempt(
      () => (isNew ? account.signUp.email({ ...given, name: named }) : account.signIn.email(given)),
      ['email', 'password'],
    )
  })
  onClick('auth-link', () => {
    const given = { email: email(), name: name(), callbackURL: '/' }
    return attempt(() => account.signIn.magicLink(given), ['email'])
  })
  onClick('auth-forgot', async () => {
    const mistake = findMistake(fields, intent, ['email'])
    if (mistake) return showError(...mistake)
    expectLetters(email())
    const { error } = await account.requestPasswordReset({ email: email() }).catch(() => ({ error: true }))
    if (error) return showError('The server cannot be reached. Nothing has changed here; try again in a moment.')
    dialog.close()
    // Whether there is such an account is not told.
    tell('If there is an account with this address, we have sent it an e-mail.', {
      action: { label: 'Open the mailbox', act: acts.openMailbox },
    })
  })
  onClick('auth-close', () => dialog.close())
  onClick('auth-switch', () => {
    show(intent === 'sign-up' ? 'sign-in' : 'sign-up')
    fields.email.focus()
  })
  keepOpenWhileBusy(dialog)
  dialog.addEventListener('close', () => {
    fields.password.value = ''
  })

  function open(wanted: AuthIntent, address = auth.getState().session?.claims['email']): void {
    if (auth.getState().phase === 'conflict') return acts.decide()
    show(wanted)
    if (typeof address === 'string') fields.email.value = address
    dialog.showModal()
    ;(fields.email.value ? fields.password : fields.email).focus()
  }

  return open
}

const NO_ADDRESS = 'Enter a complete e-mail address, such as ada@example.com.'

function findMistake(
  { email, password }: Fields,
  intent: AuthIntent,
  needed: readonly Field[],
): [text: string, field: Field] | null {
  if (!email.value.trim()) return ['Please enter your e-mail address.', 'email']
  if (!email.validity.valid) return [NO_ADDRESS, 'email']
  if (!needed.includes('password')) return null
  if (!password.value) return ['Please enter a password.', 'password']
  const isTooShort = intent === 'sign-up' && password.value.length < SHORTEST_PASSWORD
  return isTooShort ? [`The password must have at least ${SHORTEST_PASSWORD} characters.`, 'password'] : null
}
