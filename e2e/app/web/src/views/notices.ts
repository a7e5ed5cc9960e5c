import type { App, View } from '../app.ts'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import { isBlank } from '../notes/note.ts'
import { storageAction, storageWords } from '../storage-words.ts'
import { sessionWords } from '../words.ts'

export interface NoticeActs {
  signUp(): void
  signIn(): void
  /** Asks the server, or the storage, once more. */
  retry(): void
}

/** One notice at a time, the most urgent first. */
export function createNotices({ auth, notebook }: App, acts: NoticeActs): View {
  const storage = part('storage-problem')
  const session = part('error-banner')
  const nudge = part('nudge')
  onClick('storage-retry', acts.retry)
  onClick('error-action', () => (auth.getState().authMode === 'external' ? acts.signIn() : acts.retry()))
  onClick('nudge-signup', acts.signUp)
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
      setHidden(session, Boolean(problem) || !state.error)
      if (state.error) setText(first(session, 'p'), sessionWords(state))
      setText(part('error-action'), state.authMode === 'external' ? 'Sign in' : 'Try again')
      const hasSomething = state.authMode === 'local-first' && notebook.notes().some((note) => !isBlank(note))
      setHidden(nudge, Boolean(problem) || Boolean(state.error) || !hasSomething || isDismissed(notebook.owner()))
    },
  }
}

const dismissed = new Set<string>()
const keyOf = (principal: string | null): string => `latchkey-notes:no-nudge:${principal}`

function rememberDismissal(principal: string | null): void {
  dismissed.add(keyOf(principal))
  try {
    localStorage.setItem(keyOf(principal), 'true')
  } catch {
    // Until the tab closes, then.
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
