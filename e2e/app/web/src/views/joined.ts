import { type Auth, type Session, isLatchkeyError } from 'latchkey'
import type { App, View } from '../app.ts'
import { announce, part, setHidden, setText } from '../dom.ts'
import { readHoldings } from '../notes/store.ts'
import { quantity } from '../words.ts'
import { decisionFailure } from './conflict-words.ts'
import { signOut } from './sign-out.ts'

/**
 * Undo options in the account area: identities that the account adopted, and those that were set aside on this device.
 */
export function createJoined(app: App): View {
  const { auth, notebook, aside } = app
  const adopted = createRows('adopted', 'Undo', (alias) => undo(app, alias))
  const kept = createRows('kept-aside', 'Open', (principal) => resume(app, principal))
  let shown = ''

  async function renderKept(account: Session | null): Promise<void> {
    // An alias may be removed on any device: its notes must then be available here.
    for (const alias of account?.principals.slice(1) ?? []) aside.put(account!.principal, alias)
    const found = account ? await aside.of(account.principal) : []
    const principals = found.filter((principal) => !account!.principals.includes(principal))
    kept.show(
      await Promise.all(
        principals.map(
          async (principal) =>
            [
              principal,
              `${quantity((await readHoldings(principal)).notes.length, 'note')} of this device, set aside`,
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
      void renderKept(authMode === 'external' ? session : null).catch(() => {})
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

/** Gives a device's notes back to its own key. */
async function undo({ auth, notebook }: App, alias: string): Promise<void> {
  part('account-panel').hidePopover()
  const isHere = await isKept(auth, alias)
  const count = notebook.notes().filter(({ origin }) => origin === alias).length
  if (!(await confirmUndo(count, isHere))) return
  try {
    await notebook.settled()
    await auth.unlinkAlias(alias)
    announce('Undone. The account no longer has these notes.')
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    await confirmUndo(count, isHere, decisionFailure(error))
  }
}

/** @param problem - why it failed; the dialog can then only be closed */
function confirmUndo(count: number, isHere: boolean, problem?: string): Promise<boolean> {
  const dialog = part<HTMLDialogElement>('undo-dialog')
  const what = count === 0 ? 'What the account adopted' : `The ${quantity(count, 'adopted note')}`
  const [verb, them] = count === 1 || count === 0 ? ['goes', 'it'] : ['go', 'them']
  const where = isHere
    ? `${verb} back to this device alone, set aside: you can open ${them} in the account area.`
    : `${verb} back to the device that wrote ${them}. If that device is lost, you cannot open ${them}.`
  setText(
    part('undo-words'),
    problem ?? `${what} ${where} What you wrote with the account since then stays in the account.`,
  )
  setText(part('undo-keep'), problem ? 'Close' : 'Keep both')
  setHidden(part('undo-anyway'), problem !== undefined)
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => {
        part('account-menu').focus()
        resolve(dialog.returnValue === 'undo')
      },
      { once: true },
    )
  })
}

async function isKept(auth: Auth, principal: string): Promise<boolean> {
  return (await auth.listIdentities()).some((kept) => kept.principal === principal)
}

/** Signs out of the account, and continues as the identity that was set aside. */
async function resume(app: App, principal: string): Promise<void> {
  part('account-panel').hidePopover()
  if (!(await signOut(app))) return
  await app.auth.ensureIdentity({ resume: principal })
  announce('These are the notes of this device. Sign in again to get back to your account.')
}
