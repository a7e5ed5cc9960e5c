import type { App, View } from '../app.ts'
import { narrow, onClick } from '../dom.ts'
import type { Actions } from '../actions.ts'

type PageView = 'starting' | 'welcome' | 'empty' | 'list' | 'note'

/** Which of the page's views is shown; style.css does the rest. */
export function createPage(app: App, actions: Actions): View {
  onClick('new-note', actions.write)
  onClick('first-note', actions.write)
  onClick('start-writing', async () => {
    await app.auth.ensureIdentity()
    actions.write()
  })

  return {
    render() {
      document.body.dataset['view'] = viewOf(app)
    },
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
  // An account's notes may be on their way.
  return session?.authMode === 'external' && !sync.hasAnswered() ? 'starting' : 'empty'
}
