import type { Auth } from 'latchkey'
import { onClick, part, setText } from '../dom.ts'
import { type Letter, fetchLetters } from '../mailbox.ts'
import { briefTime } from '../time.ts'

/** How often an open mailbox looks for new letters, in milliseconds. */
const INTERVAL_MS = 2000

/** The demo sends no mail: its letters are here. @returns a function that opens the mailbox */
export function createMailboxDialog(auth: Auth): () => void {
  const dialog = part<HTMLDialogElement>('mailbox-dialog')
  const list = part('mailbox-letters')
  let timer: ReturnType<typeof setTimeout> | undefined

  async function look(): Promise<void> {
    try {
      show(await fetchLetters(auth.getState().session?.claims['email']))
    } catch {
      setText(part('mailbox-words'), 'The server cannot be reached.')
    }
    if (dialog.open) timer = setTimeout(look, INTERVAL_MS)
  }

  function show(letters: readonly Letter[]): void {
    setText(
      part('mailbox-words'),
      letters.length ? 'This demo sends no mail: what it would send is here.' : 'No messages yet.',
    )
    if (list.dataset['latest'] === String(letters[0]?.id)) return
    list.dataset['latest'] = String(letters[0]?.id)
    list.replaceChildren(...letters.map(rowOf))
  }

  // Its links lead back to this page.
  list.addEventListener('click', ({ target }) => (target as Element).closest('a') && dialog.close())
  onClick('mailbox-close', () => dialog.close())
  dialog.addEventListener('close', () => clearTimeout(timer))

  return () => {
    dialog.showModal()
    void look()
  }
}

function rowOf({ subject, to, link, sentAt }: Letter): HTMLLIElement {
  const row = document.createElement('li')
  const words = Object.assign(document.createElement('p'), { className: 'hint' })
  words.textContent = `To ${to} · ${briefTime(sentAt)}`
  row.append(Object.assign(document.createElement('a'), { href: link, textContent: subject }), words)
  return row
}
