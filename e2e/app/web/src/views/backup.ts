import { type RecoverableAuth, type WordsBackup, createRecovery, toSheet } from 'latchkey/recovery'
import { isLatchkeyError } from 'latchkey'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import { tell } from '../tell.ts'

const STEPS = ['words', 'test'] as const

/**
 * A backup by 24 words: the user writes them down, and types three of them again. Loads when it is opened, with the
 * list of words.
 *
 * @param usePasskey - opens the dialog of the other kind of backup
 * @returns a function that opens the dialog at the words, or at the test
 */
export function createBackupDialog(auth: RecoverableAuth, usePasskey: () => void): (step?: 'test') => Promise<void> {
  const recovery = createRecovery(auth)
  const dialog = part<HTMLDialogElement>('backup-dialog')
  const inputs = [...dialog.querySelectorAll<HTMLInputElement>('input')]
  let backup: WordsBackup | undefined

  function show(step: (typeof STEPS)[number]): void {
    for (const each of STEPS) setHidden(part(`backup-${each}`), each !== step)
    setText(part('backup-error'), '')
    if (step === 'words') return part('backup-heading').focus()
    for (const [index, input] of inputs.entries()) {
      input.value = ''
      setText(first(input.parentElement!, 'span'), `Word ${backup!.places[index]}`)
    }
    inputs[0]!.focus()
  }

  async function check(): Promise<void> {
    try {
      await recovery.confirmBackup(
        backup!,
        inputs.map(({ value }) => value),
      )
    } catch (error) {
      if (!isLatchkeyError(error)) throw error
      setText(part('backup-error'), FAILURES[error.code] ?? 'That did not work. Please try again.')
      return inputs[0]!.focus()
    }
    dialog.close()
    tell('Backed up. These words bring your notes back on any device.')
  }

  onClick('backup-passkey', () => {
    dialog.close()
    usePasskey()
  })
  onClick('backup-print', () => print())
  onClick('backup-written', () => show('test'))
  onClick('backup-back', () => show('words'))
  onClick('backup-close', () => dialog.close())
  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void check()
  })
  dialog.addEventListener('close', () => {
    // The words are on the page only while the dialog is open.
    backup = undefined
    part('backup-sheet').replaceChildren()
    part('account-menu').focus()
  })

  return async (step) => {
    try {
      backup = await recovery.beginBackup({ label: 'Words on paper' })
    } catch (error) {
      if (!isLatchkeyError(error)) throw error
      return tell(FAILURES[error.code] ?? 'The key of this device cannot be copied now.')
    }
    showSheet(backup)
    dialog.showModal()
    show(step ?? 'words')
  }
}

function showSheet(backup: WordsBackup): void {
  const { words, sentence, check, date, address, principalEnding } = toSheet(backup, { app: 'Notes' })
  const list = document.createElement('ol')
  list.append(...words.map((word) => Object.assign(document.createElement('li'), { textContent: word })))
  const facts = `Check ${check} · identity …${principalEnding} · ${date} · ${address}`
  part('backup-sheet').replaceChildren(
    list,
    Object.assign(document.createElement('p'), { textContent: sentence }),
    Object.assign(document.createElement('p'), { className: 'hint', textContent: facts }),
  )
}

const FAILURES: Readonly<Partial<Record<string, string>>> = {
  PHRASE_MISMATCH: 'A word is different. Compare with your paper and try again.',
  IDENTITY_CHANGED: 'Another identity is current now. Close this and start again.',
  SECRET_HARDENED: 'The key of this device is locked into this browser. Create an account to keep your notes.',
}
