import { type RecoverableAuth, type RestorePreview, createRecovery, findUnknownWords } from 'latchkey/recovery'
import { betterAuthAccount } from 'latchkey/better-auth/client'
import type { AccountClient } from '../auth.ts'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import { fetchSummary } from '../notes/api.ts'
import { tell } from '../tell.ts'
import { attempt } from './attempt.ts'

/**
 * Brings an identity back from its 24 words: first it shows whose they are, and only then stores anything.
 *
 * @returns a function that opens the dialog
 */
export function createRestoreDialog(auth: RecoverableAuth, account: AccountClient): () => void {
  const recovery = createRecovery(auth, {
    account: betterAuthAccount(account),
    isKnown: async ({ token }) => (await fetchSummary(token)).count > 0,
  })
  const dialog = part<HTMLDialogElement>('restore-dialog')
  const words = part<HTMLTextAreaElement>('restore-words')
  let preview: RestorePreview | undefined

  function show(found?: RestorePreview): void {
    preview = found
    setHidden(part('restore-ask'), found !== undefined)
    setHidden(part('restore-confirm'), found === undefined)
    setText(part('restore-error'), '')
    if (!found) return words.focus()
    setText(part('restore-preview'), previewWords(found))
    part('restore-import').focus()
  }

  const run = (act: () => Promise<void>): Promise<void> =>
    attempt('restore', act, (code) => failureWords(code, words.value))

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void run(async () => show(await recovery.readPhrase(words.value)))
  })
  onClick('restore-back', () => show())
  onClick('restore-close', () => dialog.close())
  onClick('restore-import', () =>
    run(async () => {
      await recovery.importPhrase(preview!, { replace: true, evenIfUnknown: isUnknown(preview!) })
      dialog.close()
      tell('Your identity is back on this device. Your notes arrive once the server can be reached.')
    }),
  )
  dialog.addEventListener('close', () => {
    words.value = ''
    preview = undefined
    part('account-menu').focus()
  })
  return () => {
    dialog.showModal()
    show()
  }
}

const isUnknown = ({ knownHere, knownToServer }: RestorePreview): boolean => !knownHere && knownToServer !== true

function previewWords(preview: RestorePreview): string {
  const { check, knownHere, knownToServer, replaces } = preview
  const found = knownHere
    ? 'This device knows it.'
    : knownToServer === true
      ? 'The server has its notes.'
      : knownToServer === 'offline'
        ? 'The server cannot be reached, so compare the check with your sheet.'
        : 'The server has no notes for it. Are these words really from this app?'
  const aside = replaces ? ' The notes of this device are set aside.' : ''
  return `The words are complete: check ${check}. ${found}${aside}`
}

/** The words themselves are secret: only the places of unknown ones are shown, with near words. */
function failureWords(code: string, text: string): string {
  if (code !== 'PHRASE_WORD_UNKNOWN') return FAILURES[code] ?? 'That did not work, and nothing has changed.'
  return findUnknownWords(text)
    .map(({ place, nearWords }) => `Word ${place} is not in the list: ${nearWords.join(', ')}?`)
    .join(' ')
}

const FAILURES: Readonly<Partial<Record<string, string>>> = {
  PHRASE_LENGTH: 'There should be 24 words.',
  PHRASE_CHECKSUM: 'One word is wrong, or two are swapped.',
  IDENTITY_CHANGED: 'You are signed in to an account. Sign out first.',
  UPGRADE_IN_PROGRESS: 'A sign-in is running. Try again in a moment.',
}
