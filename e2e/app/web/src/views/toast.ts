import type { App } from '../app.ts'
import { announce, first, onClick, part, setHidden, setText } from '../dom.ts'
import { type Note, headingOf, isBlank } from '../notes/note.ts'

/** How long a deletion can be undone, in milliseconds. */
const PATIENCE = 8000

/**
 * Offers to undo the last deletion.
 *
 * @returns a function to call with a deleted note's id
 */
export function createToast({ notebook, route }: App): (id: string) => void {
  const toast = part('toast')
  let removed: Note | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const hide = (): void => setHidden(toast, true)
  onClick('undo', () => {
    if (removed) notebook.restore(removed)
    if (removed) route.open(removed.id)
    hide()
    part('note-body').focus()
  })

  return (id) => {
    removed = notebook.find(id)
    if (!removed || isBlank(removed)) return
    setText(first(toast, 'span'), `“${headingOf(removed)}” was deleted.`)
    setHidden(toast, false)
    announce('Note deleted. Undo is at the end of the page.')
    clearTimeout(timer)
    timer = setTimeout(hide, PATIENCE)
  }
}
