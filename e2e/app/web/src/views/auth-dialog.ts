import { type LatchkeyError, type UpgradeResult, isLatchkeyError } from 'latchkey'
import type { App } from '../app.ts'
import { first, keepOpenWhileBusy, onClick, part, setHidden, setText } from '../dom.ts'
import { tell } from '../tell.ts'
import { blamedField, failureWords } from '../words.ts'

export type AuthIntent = 'sign-up' | 'sign-in'

const SHORTEST_PASSWORD = 8

const WORDS = {
  'sign-up': {
    heading: 'Create your account',
    words: 'You keep this identity and every note. The account is your way back to them.',
    submit: 'Create account',
    busy: 'Creating…',
    question: 'Already have an account?',
    switch: 'Sign in',
    password: 'new-password',
  },
  'sign-in': {
    heading: 'Sign in',
    words: 'Open the notes of your account on this device.',
    submit: 'Sign in',
    busy: 'Signing in…',
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

interface Fields {
  readonly email: HTMLInputElement
  readonly password: HTMLInputElement
}

/**
 * One dialog for sign-up and sign-in.
 *
 * @param onConflict - called if both the account and this device have notes
 * @returns a function that opens it
 */
export function createAuthDialog(app: App, onConflict: () => void): (intent: AuthIntent, email?: string) => void {
  const { auth } = app
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
    showError('')
  }

  function showError(text: string, at?: HTMLInputElement): void {
    setText(part('auth-error'), text)
    for (const field of Object.values(fields)) field.setAttribute('aria-invalid', String(field === at))
    at?.focus()
  }

  function setBusy(busy: boolean): void {
    for (const button of dialog.querySelectorAll('button')) button.disabled = busy
    dialog.toggleAttribute('data-busy', busy)
    setText(part('auth-submit'), busy ? WORDS[intent].busy : WORDS[intent].submit)
  }

  async function submit(): Promise<void> {
    const mistake = findMistake(fields, intent)
    if (mistake) return showError(...mistake)
    showError('')
    setBusy(true)
    const before = auth.getState().session?.principal
    const result = await enter(app, intent, fields).finally(() => setBusy(false))
    if (result.outcome === 'failed' || (result.outcome === 'taken' && !result.conflict)) return fail(result.error)
    dialog.close()
    // The element that opened the dialog may be gone.
    part('account-menu').focus()
    if (auth.getState().phase === 'conflict') return onConflict()
    // The notices show an account that waits for confirmation.
    if (result.outcome === 'pending') return tell('Almost there: see the notice.')
    tellEntered(intent, before, auth.getState().session?.principal)
  }

  function fail(error: LatchkeyError): void {
    const words = failureWords(error, auth.getState())
    // A second Escape closes a dialog in some browsers, whatever the page says.
    if (!dialog.open) return tell(words, { action: { label: 'Try again', act: () => open(intent) } })
    showError(words, fields[blamedField(error) ?? 'password'])
  }

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
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
    if (auth.getState().phase === 'conflict') return onConflict()
    show(wanted)
    if (typeof address === 'string') fields.email.value = address
    dialog.showModal()
    ;(fields.email.value ? fields.password : fields.email).focus()
  }

  return open
}

/** The promise of the app, visible at the moment that it is kept: signing up changes nobody. */
function tellEntered(intent: AuthIntent, before: string | undefined, after: string | undefined): void {
  const words = intent === 'sign-up' ? 'Account created.' : 'Signed in.'
  if (!before || !after) return tell(words)
  const detail = `${before.slice(0, 8)} → ${after.slice(0, 8)}`
  if (before === after) return tell(`${words} Same identity before and after.`, { detail })
  tell(`${words} These are the notes of your account.`, { detail })
}

function findMistake({ email, password }: Fields, intent: AuthIntent): [text: string, field: HTMLInputElement] | null {
  if (!email.value.trim()) return ['Please enter your e-mail address.', email]
  if (!email.validity.valid) return ['Enter a complete e-mail address, such as ada@example.com.', email]
  if (!password.value) return ['Please enter a password.', password]
  const isTooShort = intent === 'sign-up' && password.value.length < SHORTEST_PASSWORD
  return isTooShort ? [`The password must have at least ${SHORTEST_PASSWORD} characters.`, password] : null
}

/** One call for both: the device's identity is included, and the result tells the outcome. */
async function enter({ auth, account }: App, intent: AuthIntent, fields: Fields): Promise<UpgradeResult> {
  const credentials = { email: fields.email.value.trim(), password: fields.password.value }
  const name = credentials.email.split('@')[0]!
  try {
    return await auth.upgrade(() =>
      intent === 'sign-up' ? account.signUp.email({ ...credentials, name }) : account.signIn.email(credentials),
    )
  } catch (error) {
    if (isLatchkeyError(error)) return { outcome: 'failed', error }
    throw error
  }
}
