import type { UpgradeState } from 'latchkey'
import type { App, View } from '../app.ts'
import { accountName } from '../auth.ts'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import { isBlank } from '../notes/note.ts'
import { storageAction, storageWords } from '../storage-words.ts'
import { tell } from '../tell.ts'
import { failureWords, sessionWords } from '../words.ts'
import { type EntryActs, enterBy } from './outcome.ts'

export interface NoticeActs extends EntryActs {
  signUp(): void
  /** Begins a backup, or tests the one that was begun. */
  backUp(): unknown
  signIn(): void
  /** Brings an identity back from a backup or another device. */
  restore(): void
  /** Retries the server or the storage. */
  retry(): void
}

/** Shows one notice at a time, the most urgent first. */
export function createNotices(app: App, acts: NoticeActs): View {
  const { auth, notebook } = app
  const waiting = createWaiting(app, acts)
  onClick('conflict-decide', acts.decide)
  const storage = part('storage-problem')
  const session = part('error-banner')
  const nudge = part('nudge')
  onClick('storage-retry', acts.retry)
  onClick('storage-sign-in', () => acts.signIn())
  onClick('storage-restore', acts.restore)
  onClick('error-action', () => (auth.getState().authMode === 'external' ? acts.signIn() : acts.retry()))
  onClick('nudge-signup', acts.signUp)
  onClick('verify-mailbox', acts.openMailbox)
  onClick('nudge-backup', acts.backUp)
  onClick('nudge-dismiss', () => {
    rememberDismissal(notebook.owner())
    setHidden(nudge, true)
    part('account-menu').focus()
  })

  return {
    render() {
      const state = auth.getState()
      const problem = state.storage.problem ?? (notebook.isFailing() ? 'NOTES' : undefined)
      setHidden(storage, !problem)
      if (problem) setText(first(storage, 'p'), storageWords(problem, state.session))
      setText(part('storage-retry'), storageAction(problem, state.session))
      const isLost = problem === 'KEYSTORE_VANISHED' && !state.session
      for (const name of ['storage-sign-in', 'storage-restore']) setHidden(part(name), !isLost)
      // An account that replaced the current one in this browser comes first: then the user can sign in again.
      const isReplaced = !problem && state.authMode === 'external' && state.upgrade?.account !== undefined
      setHidden(session, Boolean(problem) || !state.error || isReplaced)
      if (state.error) setText(first(session, 'p'), sessionWords(state))
      setText(part('error-action'), state.authMode === 'external' ? 'Sign in' : 'Try again')
      const isQuiet = !problem && !state.error
      setHidden(part('conflict-notice'), !isQuiet || state.phase !== 'conflict')
      waiting.render((isQuiet || isReplaced) && state.phase === 'pending' ? state.upgrade : undefined)
      const isUnproven = state.authMode === 'external' && state.storage.durability !== 'recoverable'
      setHidden(part('verify-notice'), !isQuiet || state.phase !== 'ready' || !isUnproven)
      const hasSomething = state.authMode === 'local-first' && notebook.notes().some((note) => !isBlank(note))
      const isSafe = state.storage.advice === 'none'
      setHidden(nudge, !isQuiet || state.phase !== 'ready' || !hasSomething || isSafe || isDismissed(notebook.owner()))
      const isUntested = state.storage.advice === 'test'
      setText(first(nudge, 'p'), isUntested ? UNTESTED : UNSAFE)
      setText(part('nudge-backup'), isUntested ? 'Test it now' : 'Back up')
      setHidden(part('nudge-backup'), !state.storage.canBackUp)
      // The focus of an element that vanishes would be lost.
      if (document.activeElement?.closest('.notices [hidden]')) part('account-menu').focus()
    },
  }
}

/** Shows an account that is signed in in this browser and waits for confirmation, or a sign-in that is not complete. */
function createWaiting(app: App, acts: EntryActs): { render(upgrade: UpgradeState | undefined): void } {
  const { auth, account } = app
  const notice = part('waiting-notice')
  const name = first(notice, '[data-slot="waiting-name"]')
  let asked = ''

  async function use(): Promise<void> {
    const error = await enterBy(app, acts, 'Signed in.', () => auth.acceptAccount())
    if (error) tell(failureWords(error, auth.getState()))
  }

  onClick('waiting-use', use)
  onClick('waiting-mailbox', acts.openMailbox)
  onClick('waiting-cancel', async () => {
    await auth.cancelUpgrade()
    part('account-menu').focus()
    tell('Everything is as it was.')
  })
  return {
    render(upgrade) {
      setHidden(notice, !upgrade)
      if (!upgrade) return void (asked = '')
      const { account: found, pending } = upgrade
      const now = found?.accountId ?? `pending ${pending?.expected}`
      setHidden(part('waiting-use'), !found)
      setHidden(part('waiting-mailbox'), found !== undefined)
      setText(part('waiting-cancel'), found ? 'Not me' : 'Stop waiting')
      setText(
        first(notice, 'span'),
        found
          ? 'is signed in on this browser, but not in this app. Nothing has changed here.'
          : 'Use the message that was sent to you to finish.',
      )
      if (now === asked) return
      asked = now
      setText(
        name,
        found ? 'An account' : `The sign-in${pending?.expected ? ` of ${pending.expected}` : ''} is not complete yet.`,
      )
      if (found) void accountName(account, found).then((known) => known && asked === now && setText(name, known))
    },
  }
}

const UNSAFE = 'Only this browser can open these notes. Create an account or a backup, in case it forgets them.'
const UNTESTED = 'Your backup is not tested yet. Until then, only this browser is certain to open these notes.'

const dismissed = new Set<string>()
const keyOf = (principal: string | null): string => `latchkey-notes:no-nudge:${principal}`

function rememberDismissal(principal: string | null): void {
  dismissed.add(keyOf(principal))
  try {
    localStorage.setItem(keyOf(principal), 'true')
  } catch {
    // Then it is kept until the tab closes.
  }
}

function isDismissed(principal: string | null): boolean {
  if (dismissed.has(keyOf(principal))) return true
  try {
    return localStorage.getItem(keyOf(principal)) !== null
  } catch {
    return false
  }
}
