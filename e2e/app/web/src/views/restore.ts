import {
  type RecoverableAuth,
  type RestoreOptions,
  type RestorePreview,
  createRecovery,
  findUnknownWords,
} from 'latchkey/recovery'
import type { AccountClient } from '../auth.ts'
import { first, keepOpenWhileBusy, onClick, part, setHidden, setText } from '../dom.ts'
import { tell } from '../tell.ts'
import { createPasskeys, knownOptions } from '../ways-back.ts'
import { attempt } from './attempt.ts'
import { PASSKEY_FAILURES } from './passkey.ts'

/** An identity that was found, and how to make it current. */
interface Found {
  readonly preview: RestorePreview
  restore(options: RestoreOptions): Promise<unknown>
}

/** Other ways to bring notes here: by another device. */
export interface PairingActs {
  scan(): void
  showCode(): void
}

/**
 * Brings an identity back from its 24 words or by a passkey: first it shows whose they are, and only then stores
 * anything.
 *
 * @returns a function that opens the dialog
 */
export function createRestoreDialog(auth: RecoverableAuth, account: AccountClient, pairing: PairingActs): () => void {
  const recovery = createRecovery(auth, knownOptions(account))
  const passkeys = createPasskeys(auth, account)
  const dialog = part<HTMLDialogElement>('restore-dialog')
  const words = part<HTMLTextAreaElement>('restore-words')
  let found: Found | undefined

  function show(next?: Found): void {
    found = next
    setHidden(part('restore-ask'), found !== undefined)
    setHidden(part('restore-confirm'), found === undefined)
    if (!found) return words.focus()
    setText(part('restore-preview'), previewWords(found.preview))
    part('restore-import').focus()
  }

  const run = (act: () => Promise<void>): Promise<void> =>
    attempt('restore', act, (code) => failureWords(code, words.value))

  first(dialog, 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void run(async () => {
      const preview = await recovery.readPhrase(words.value)
      show({ preview, restore: (options) => recovery.importPhrase(preview, options) })
    })
  })
  onClick('restore-passkey', () =>
    run(async () => {
      const preview = await passkeys.readStored()
      show({ preview, restore: (options) => passkeys.importBackup(preview, options) })
    }),
  )
  onClick('restore-back', () => show())
  onClick('restore-close', () => dialog.close())
  onClick('restore-import', () =>
    run(async () => {
      const { preview, restore } = found!
      await restore({ replace: true, evenIfUnknown: isUnknown(preview) })
      dialog.close()
      tell('Your identity is back on this device. Your notes arrive once the server can be reached.')
    }),
  )
  for (const act of ['scan', 'showCode'] as const)
    onClick(act === 'scan' ? 'restore-scan' : 'restore-code', () => {
      dialog.close()
      pairing[act]()
    })
  keepOpenWhileBusy(dialog)
  dialog.addEventListener('close', () => {
    words.value = ''
    found = undefined
    part('account-menu').focus()
  })
  return () => {
    dialog.showModal()
    setText(part('restore-error'), '')
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
        : 'The server has no notes for it. Is this really a backup from this app?'
  const aside = replaces ? ' The notes of this device are set aside.' : ''
  return `Found an identity: check ${check}. ${found}${aside}`
}

/** The words themselves are secret: only the places of unknown ones are shown, with near words. */
function failureWords(code: string, text: string): string {
  if (code !== 'PHRASE_WORD_UNKNOWN')
    return FAILURES[code] ?? PASSKEY_FAILURES[code] ?? 'That did not work, and nothing has changed.'
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
