import type { App } from './app.ts'
import { narrow, part } from './dom.ts'
import { type Note, headingOf, isBlank } from './notes/note.ts'
import { tell } from './tell.ts'

/** Actions of buttons and keys. */
export interface Actions {
  write(): void
  remove(id: string): void
  /** Returns to the list. On a wide screen the list is always visible and only takes the focus. */
  leave(): void
}

export function createActions({ auth, notebook, route }: App): Actions {
  function tidyOpen(): void {
    const id = route.noteId()
    if (id) notebook.tidy(id)
  }

  /** After the view has changed: a hidden element takes no focus. */
  async function showList(focused: string | null): Promise<void> {
    if (narrow.matches) await route.close()
    setTimeout(() => focusInList(focused))
  }

  function tellRemoved(removed: Note): void {
    const undo = (): void => {
      notebook.restore(removed)
      route.open(removed.id)
      part('note-body').focus()
    }
    tell(`“${headingOf(removed)}” was deleted.`, { action: { label: 'Undo', act: undo } })
  }

  return {
    leave() {
      tidyOpen()
      void showList(route.noteId())
    },
    write() {
      if (!notebook.isOpen() || (notebook.owner() === null && !auth.getState().storage.problem)) return
      tidyOpen()
      route.open(notebook.add().id)
      setTimeout(() => part('note-title').focus())
    },
    remove(id) {
      const notes = notebook.notes()
      const place = notes.findIndex((note) => note.id === id)
      const neighbour = notes[place + 1] ?? notes[place - 1]
      const removed = notebook.find(id)
      notebook.remove(id)
      if (removed && !isBlank(removed)) tellRemoved(removed)
      if (!narrow.matches && neighbour && route.noteId() === id) route.open(neighbour.id)
      void showList(neighbour?.id ?? null)
    },
  }
}

function focusInList(id: string | null): void {
  const item = document.querySelector<HTMLElement>(`[data-testid="note-item"][data-id="${CSS.escape(id ?? '')}"]`)
  ;(item ?? part('new-note')).focus()
}
