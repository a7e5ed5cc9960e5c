import { type Auth, type Session, isLatchkeyError } from 'latchkey'
import type { App, View } from '../app.ts'
import { ask } from '../ask.ts'
import { part, setHidden, setText } from '../dom.ts'
import { readLocalNotes } from '../notes/store.ts'
import { tell } from '../tell.ts'
import { quantity } from '../words.ts'
import { decisionFailure } from './conflict-words.ts'
import { signOut } from './sign-out.ts'

/**
 * Undo options in the account area: identities that the account adopted, and those that were set aside on this device.
 *
 * @param signIn - opens the dialog for signing in, with an e-mail address filled in
 */
export function createJoined(app: App, signIn: (email: string) => void): View {
  const { auth, notebook, aside } = app
  const adopted = createRows('adopted', 'Undo', (alias) => undoAdoption(app, alias))
  const kept = createRows('kept-aside', 'Open…', (principal) => openAside(app, principal, signIn))
  let shown = ''

  async function renderKept(session: Session | null): Promise<void> {
    // An alias may be removed on any device: its notes must then be available here.
    for (const alias of session?.principals.slice(1) ?? []) aside.put(session!.principal, alias)
    const found = session ? await aside.of(session.principal) : []
    const principals = found.filter((principal) => !session!.principals.includes(principal))
    kept.show(
      await Promise.all(
        principals.map(
          async (principal) =>
            [
              principal,
              `${quantity((await readLocalNotes(principal)).notes.length, 'note')} of this device, set aside`,
            ] as const,
        ),
      ),
    )
  }

  return {
    render() {
      const { session, authMode } = auth.getState()
      const aliases = authMode === 'external' ? session!.principals.slice(1) : []
      adopted.show(
        aliases.map(
          (alias) => [alias, adoptedWords(notebook.notes().filter(({ origin }) => origin === alias).length)] as const,
        ),
      )
      const now = [authMode, ...(session?.principals ?? [])].join()
      if (now === shown) return
      shown = now
      void renderKept(session).catch(() => {})
    },
  }
}

function adoptedWords(count: number): string {
  return count === 0 ? 'Adopted from a device' : `${quantity(count, 'note')} adopted from a device`
}

interface Rows {
  show(rows: readonly (readonly [principal: string, words: string])[]): void
}

/** Renders a list of identities with one action each. */
function createRows(name: string, label: string, act: (principal: string) => Promise<void>): Rows {
  const list = part<HTMLUListElement>(name)
  list.addEventListener('click', ({ target }) => {
    const principal = (target as Element).closest<HTMLElement>('button')?.dataset['principal']
    if (principal) void act(principal)
  })
  let shown = ''
  return {
    show(rows) {
      const now = JSON.stringify(rows)
      if (now === shown) return
      shown = now
      setHidden(list, rows.length === 0)
      list.replaceChildren(...rows.map(([principal, words]) => createRow(principal, words, label)))
    },
  }
}

function createRow(principal: string, words: string, label: string): HTMLLIElement {
  const row = document.createElement('li')
  const text = Object.assign(document.createElement('span'), { textContent: words, id: `row-${principal}` })
  const code = Object.assign(document.createElement('code'), { textContent: principal.slice(0, 8), title: principal })
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'button small',
    textContent: label,
  })
  button.dataset['principal'] = principal
  button.setAttribute('aria-describedby', text.id)
  text.append(' ', code)
  row.append(text, button)
  return row
}

/** Gives a device's notes back to its own key, after a question. */
export async function undoAdoption({ auth, notebook }: App, alias: string): Promise<void> {
  part('account-panel').hidePopover()
  const isHere = await isKept(auth, alias)
  const count = notebook.notes().filter(({ origin }) => origin === alias).length
  if (!(await confirmUndo(count, isHere))) return
  try {
    await notebook.settled()
    await auth.unlinkAlias(alias)
    tell(`Undone. ${count === 1 ? 'The note is' : `The ${quantity(count, 'note')} are`} no longer in the account.`)
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    await confirmUndo(count, isHere, decisionFailure(error))
  }
}

/** @param problem - why it failed; the dialog can then only be closed */
async function confirmUndo(count: number, isHere: boolean, problem?: string): Promise<boolean> {
  const [what, verb, them] =
    count > 1
      ? [`The ${quantity(count, 'adopted note')}`, 'go', 'them']
      : [count === 1 ? 'The adopted note' : 'What the account adopted', 'goes', 'it']
  const where = isHere
    ? `${verb} back to this device alone, set aside: you can open ${them} in the account area.`
    : `${verb} back to the device that wrote ${them}. If that device is lost, you cannot open ${them}.`
  setText(part('undo-keep'), problem ? 'Close' : 'Keep both')
  setHidden(part('undo-anyway'), problem !== undefined)
  const words = `${what} ${where} What you wrote with the account since then stays in the account.`
  const answer = await ask('undo', problem ?? words)
  part('account-menu').focus()
  return answer === 'undo'
}

async function isKept(auth: Auth, principal: string): Promise<boolean> {
  return (await auth.listIdentities()).some((kept) => kept.principal === principal)
}

/** Continues as the identity that was set aside, in place of the account or the present identity. Asks first. */
async function openAside(app: App, principal: string, signIn: (email: string) => void): Promise<void> {
  part('account-panel').hidePopover()
  const { authMode, session } = app.auth.getState()
  const email = String(session?.claims['email'] ?? '')
  const isAccount = authMode === 'external'
  const words = isAccount
    ? `This signs you out of ${email || 'your account'}. Its notes stay there, and you can sign in again.`
    : 'The notes that are shown now are set aside in exchange: open them again in the same way.'
  if ((await ask('open-aside', words)) !== 'open') return
  if (!isAccount) await setAside(app, session!.principal, principal)
  else if (!(await signOut(app))) return
  await app.auth.ensureIdentity({ resume: principal })
  if (!isAccount) return tell('These are the notes that were set aside.')
  const back = { label: email ? `Back to ${email}` : 'Sign in again', act: () => signIn(email) }
  tell('Signed out. These are the notes of this device.', { action: back })
}

/** Ends an identity without an account. All of its notes stay on this device, unsynced ones too. */
async function setAside({ auth, notebook, aside }: App, principal: string, next: string): Promise<void> {
  await notebook.settled()
  aside.put(next, principal)
  try {
    await auth.signOut({ force: true })
  } catch (error) {
    aside.take(principal)
    throw error
  }
}
