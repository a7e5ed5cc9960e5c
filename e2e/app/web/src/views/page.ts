import { isLatchkeyError } from 'latchkey'
import type { Actions } from '../actions.ts'
import type { App, View } from '../app.ts'
import { first, narrow, onClick, setText } from '../dom.ts'
import { storageWords } from '../storage-words.ts'

type PageView = 'starting' | 'welcome' | 'empty' | 'list' | 'note'

/** Selects the view of the page; style.css does the rest. */
export function createPage(app: App, actions: Actions): View {
  onClick('new-note', actions.write)
  onClick('first-note', actions.write)
  onClick('start-writing', () => startWriting(app, actions))

  return {
    render() {
      document.body.dataset['view'] = viewOf(app)
    },
  }
}

/** Anonymous to local-first: from now on there is an owner for notes. */
async function startWriting({ auth, notebook }: App, actions: Actions): Promise<void> {
  try {
    const { principal } = await auth.ensureIdentity()
    await notebook.open(principal)
    actions.write()
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    setText(first(document, '[data-for="welcome"] p'), storageWords(error.code, null))
  }
}

function viewOf({ auth, notebook, sync, route }: App): PageView {
  const { phase, session, storage } = auth.getState()
  if (phase === 'starting' || !notebook.isOpen()) return 'starting'
  if (!session && !storage.problem) return 'welcome'
  if (notebook.find(route.noteId())?.deleted === false) return 'note'
  const [latest] = notebook.notes()
  if (latest && !narrow.matches) route.open(latest.id)
  if (latest) return narrow.matches ? 'list' : 'note'
  // An account's notes may still be loading.
  return session?.authMode === 'external' && !sync.hasAnswered() ? 'starting' : 'empty'
}
