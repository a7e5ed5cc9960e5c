import type { Auth, AuthState } from 'latchkey'
import type { App, View } from '../app.ts'
import { announce, first, onClick, part, setHidden, setText } from '../dom.ts'
import type { Note } from '../notes/note.ts'
import { durabilityWords, persistenceWords, protectionWords } from '../storage-words.ts'
import { modeWords, quantity } from '../words.ts'

export interface PanelActs {
  signUp(): void
  signOut(): void
  backUp(): void
  restore(): void
  addDevice(): void
  showDevices(): void
  openMailbox(): void
  openDeveloperPanel(): void
}

/** The account area: the current identity, for users first and for developers below. */
export function createPanel({ auth, notebook }: App, acts: PanelActs): View {
  const panel = part('account-panel')
  const copy = part('copy-principal')
  const leaveFor = (button: string, act: () => void): void =>
    onClick(button, () => {
      panel.hidePopover()
      act()
    })
  leaveFor('panel-signup', acts.signUp)
  leaveFor('sign-out', acts.signOut)
  leaveFor('open-backup', acts.backUp)
  leaveFor('open-restore', acts.restore)
  leaveFor('add-device', acts.addDevice)
  leaveFor('open-devices', acts.showDevices)
  leaveFor('open-mailbox', acts.openMailbox)
  onClick('copy-principal', async () => {
    await navigator.clipboard.writeText(part('principal-full').textContent)
    setText(copy, 'Copied')
    announce('Copied')
  })
  onClick('export-notes', () => exportNotes(notebook.notes()))
  const keep = createKeep(auth)
  leaveFor('developer-panel', acts.openDeveloperPanel)
  panel.addEventListener('toggle', () => {
    setText(copy, 'Copy')
    keep.forget()
  })

  return {
    render() {
      const state = auth.getState()
      setText(first(panel, '#panel-heading'), modeWords(state))
      setText(first(panel, '.panel-words'), EXPLANATIONS[state.authMode])
      setText(part('principal-full'), state.session?.principal ?? '')
      setHidden(copy, !state.session)
      setText(part('durability'), durabilityWords(state))
      setText(part('protection'), protectionWords(state))
      keep.render(state)
      setText(part('note-count'), quantity(notebook.notes().length, 'note'))
      setText(part('auth-state'), JSON.stringify(state, null, 2))
      const isAccount = state.authMode === 'external'
      setHidden(part('sign-out'), !isAccount)
      setHidden(part('open-devices'), !isAccount)
      setHidden(part('open-backup'), isAccount || !state.storage.canBackUp)
      setHidden(part('open-restore'), isAccount)
      setHidden(part('add-device'), !isAccount && !state.storage.canBackUp)
      setHidden(part('panel-signup'), state.authMode !== 'local-first')
    },
  }
}

/** Offers all notes as a file. */
function exportNotes(notes: readonly Note[]): void {
  const shared = notes.map(({ title, body, updatedAt }) => ({
    title,
    body,
    changed: new Date(updatedAt).toISOString(),
  }))
  const url = URL.createObjectURL(new Blob([JSON.stringify(shared, null, 2)], { type: 'application/json' }))
  Object.assign(document.createElement('a'), { href: url, download: 'notes.json' }).click()
  URL.revokeObjectURL(url)
}

/** Asks the browser to keep the identity. Only a user's click should trigger this prompt. */
function createKeep(auth: Auth): { render(state: AuthState): void; forget(): void } {
  const button = part('keep')
  const words = part('keep-words')
  onClick('keep', async () => setText(words, persistenceWords(await auth.requestPersistence())))
  return {
    render({ authMode, storage }) {
      setHidden(button, authMode !== 'local-first' || storage.durability !== 'evictable')
    },
    forget: () => setText(words, ''),
  }
}

const EXPLANATIONS = {
  anonymous: 'There is no identity here yet.',
  'local-first':
    'This browser created an identity, and your notes belong to it, here and on the server. ' +
    'An account lets you take it to other devices.',
  external: 'Your account owns the same notes on every device where you sign in.',
} as const
