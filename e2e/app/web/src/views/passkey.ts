import type { AddedPasskey } from 'latchkey/passkey'
import type { RecoverableAuth } from 'latchkey/recovery'
import type { AccountClient } from '../auth.ts'
import { onClick, part, setText } from '../dom.ts'
import { tell } from '../tell.ts'
import { createPasskeys } from '../ways-back.ts'
import { attempt } from './attempt.ts'

/** A passkey dialog opens only in response to a click, so each step has its own. */
const STEPS = [
  {
    words:
      'Your device or password manager keeps a passkey. It opens the sealed copy of your key, which the server keeps ' +
      'and cannot open.',
    button: 'Create the passkey',
  },
  { words: 'The passkey is there. Use it once to seal the copy.', button: 'Seal the copy' },
  { words: 'The copy is sealed. Use the passkey once more, to test that it opens.', button: 'Test it now' },
] as const

const TEST = STEPS.length - 1

/**
 * A backup by a passkey.
 *
 * @param useWords - opens the dialog of the other kind of backup
 * @returns a function that opens the dialog at its first step, or at the test
 */
export function createPasskeyDialog(
  auth: RecoverableAuth,
  account: AccountClient,
  useWords: () => void,
): (step?: 'test') => void {
  const passkeys = createPasskeys(auth, account)
  const dialog = part<HTMLDialogElement>('passkey-dialog')
  let step = 0
  let added: AddedPasskey | undefined
  let closing = new AbortController()

  function show(next: number): void {
    step = next
    setText(part('passkey-words'), STEPS[step]!.words)
    setText(part('passkey-next'), STEPS[step]!.button)
    part('passkey-next').focus()
  }

  const acts = [
    async (signal: AbortSignal) => {
      added = await passkeys.add({ label: 'Passkey', signal })
      show(1)
    },
    async (signal: AbortSignal) => {
      const { problem } = await passkeys.seal(added!, { signal })
      if (problem) setText(part('passkey-error'), wordsOf(problem))
      else show(TEST)
    },
    async (signal: AbortSignal) => {
      const reach = await passkeys.verify(undefined, { signal })
      dialog.close()
      tell(
        reach === 'this-device'
          ? 'It works, but this passkey stays on this device. Make another backup as well.'
          : 'Backed up. Your passkey brings your notes back on any device.',
      )
    },
  ]

  onClick('passkey-next', () => attempt('passkey', () => acts[step]!(closing.signal), wordsOf))
  onClick('passkey-close', () => dialog.close())
  onClick('passkey-use-words', () => {
    dialog.close()
    useWords()
  })
  dialog.addEventListener('close', () => {
    closing.abort()
    added = undefined
    part('account-menu').focus()
  })

  return (wanted) => {
    closing = new AbortController()
    setText(part('passkey-error'), '')
    dialog.showModal()
    show(wanted === 'test' ? TEST : 0)
  }
}

const wordsOf = (code: string): string =>
  PASSKEY_FAILURES[code] ?? 'That did not work, and nothing has changed. You can also back up with words.'

/** Also of a restore by a passkey. */
export const PASSKEY_FAILURES: Readonly<Partial<Record<string, string>>> = {
  PASSKEY_UNSUITABLE: 'This passkey cannot seal a backup. Choose another device for it, or back up with words.',
  PASSKEY_CANCELLED: 'Cancelled. Nothing has changed.',
  PASSKEY_EXISTS: 'There is already such a passkey on that device.',
  PASSKEY_UNAVAILABLE: 'This browser has no passkeys here. Use words instead.',
  BACKUP_UNKNOWN: 'The server has no backup for this passkey. Choose another one.',
  BACKUP_NOT_OPENED: 'This passkey does not open the backup. Choose another one.',
  BACKUP_LIMIT: 'The server takes no more backups from here today. Back up with words instead.',
  SECRET_HARDENED: 'The key of this device is locked into this browser. Create an account to keep your notes.',
  OFFLINE: 'The server cannot be reached. Nothing has changed; try again in a moment.',
}
