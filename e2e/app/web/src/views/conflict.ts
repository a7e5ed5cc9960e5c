import { type Conflict, type UpgradeResult, isLatchkeyError } from 'latchkey'
import type { App, View } from '../app.ts'
import { accountName } from '../auth.ts'
import { keepOpenWhileBusy, onClick, part, setHidden, setText } from '../dom.ts'
import { type MessageOptions, tell } from '../tell.ts'
import { conflictWords, decisionFailure } from './conflict-words.ts'
import { undoAdoption } from './joined.ts'

type Choice = 'adopt' | 'switch' | 'discard' | 'cancel'

/** The dialog for two identities. Closing it makes no decision. */
export interface ConflictDialog extends View {
  open(): Promise<void>
}

/** Lets the user decide about the notes here and the signed-in account. */
export function createConflictDialog(app: App): ConflictDialog {
  const { auth } = app
  const dialog = part<HTMLDialogElement>('conflict-dialog')
  const found = (): Conflict | undefined => auth.getState().upgrade?.conflict
  const isTaken = (): boolean => found()?.isTaken === true || auth.getState().upgrade?.failure === 'PRINCIPAL_TAKEN'
  let name = 'your account'

  function showStep(step: 'choose' | 'discard'): void {
    dialog.dataset['step'] = step
    setHidden(part('conflict-choose'), step !== 'choose')
    setHidden(part('conflict-discard-step'), step !== 'discard')
    setText(part('conflict-error'), '')
    part(step === 'choose' ? 'conflict-heading' : 'conflict-keep').focus()
  }

  function showWords(): void {
    const { heading, words } = conflictWords(name, isTaken())
    setText(part('conflict-heading'), heading)
    setText(part('conflict-words'), words)
    setText(part('conflict-account'), name)
    setHidden(part('conflict-adopt'), isTaken())
  }

  function setBusy(busy: boolean): void {
    for (const button of dialog.querySelectorAll('button')) button.disabled = busy
    dialog.toggleAttribute('data-busy', busy)
  }

  async function decide(choice: Choice): Promise<void> {
    setText(part('conflict-error'), '')
    setBusy(true)
    const device = auth.getState().session?.principal
    const result = await resolve(app, choice).finally(() => setBusy(false))
    if (result.outcome !== 'failed') {
      const undo = { label: 'Undo', act: () => undoAdoption(app, device!) }
      return leave(OUTCOMES[choice], choice === 'adopt' ? { action: undo } : {})
    }
    if (auth.getState().phase !== 'conflict') return leave(decisionFailure(result.error))
    showWords()
    setText(part('conflict-error'), decisionFailure(result.error))
    part('conflict-heading').focus()
  }

  function leave(words: string, options?: MessageOptions): void {
    dialog.close()
    part('account-menu').focus()
    tell(words, options)
  }

  for (const choice of ['adopt', 'switch', 'cancel', 'discard'] as const)
    onClick(`conflict-${choice}`, () => decide(choice))
  onClick('conflict-ask-discard', () => showStep('discard'))
  onClick('conflict-keep', () => showStep('choose'))
  for (const close of ['conflict-close', 'conflict-later']) onClick(close, () => dialog.close())
  keepOpenWhileBusy(dialog)
  dialog.addEventListener(
    'close',
    () => found() && tell('Nothing was decided, and nothing has changed. You can decide later, from the notices.'),
  )

  return {
    async open() {
      if (dialog.open) return
      showWords()
      dialog.showModal()
      showStep('choose')
      name = (await accountName(app.account, found()?.account)) ?? name
      showWords()
      await showSides(app)
    },
    render() {
      // Decided, or cancelled by a sign-out, in another tab.
      if (dialog.open && !found() && !dialog.hasAttribute('data-busy')) leave('This was decided in another tab.')
    },
  }
}

async function resolve({ auth, notebook }: App, choice: Choice): Promise<UpgradeResult | { outcome: 'cancelled' }> {
  // Text that was just typed is part of the decision.
  await notebook.settled()
  try {
    if (choice === 'cancel') return (await auth.cancelUpgrade(), { outcome: 'cancelled' })
    return await auth.resolveConflict(choice, { force: choice === 'discard' })
  } catch (error) {
    if (isLatchkeyError(error)) return { outcome: 'failed', error }
    throw error
  }
}

async function showSides({ auth }: App): Promise<void> {
  const [here, there] = [part('conflict-here'), part('conflict-there')]
  setText(there, 'Looking…')
  const preview = await auth.previewConflict().catch(() => null)
  setText(here, preview?.deviceData?.label ?? 'Notes that only this device has')
  setText(there, preview?.accountData?.label ?? 'Unavailable: the server does not respond')
}

const OUTCOMES: Readonly<Record<Choice, string>> = {
  adopt: 'Your account now includes the notes of this device. You can also undo this later, in the account area.',
  switch: 'Signed in. The notes of this device are set aside; you can open them in the account area.',
  discard: 'Signed in. The notes that were on this device are deleted.',
  cancel: 'Signed out of the account again. Everything is as it was.',
}
