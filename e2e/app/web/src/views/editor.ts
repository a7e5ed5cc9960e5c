import type { Actions } from '../actions.ts'
import type { App, View } from '../app.ts'
import { onClick, part, setText } from '../dom.ts'
import { tell } from '../tell.ts'
import { briefTime } from '../time.ts'

type Field = HTMLInputElement | HTMLTextAreaElement

/** The open note. Each key press updates the notebook. */
export function createEditor({ notebook, route }: App, actions: Actions): View {
  const title = part<HTMLInputElement>('note-title')
  const body = part<HTMLTextAreaElement>('note-body')
  const status = part('note-status')
  let shown: string | null = null

  // Only the field that was typed in: another window may be changing the other one.
  for (const [name, field] of [
    ['title', title],
    ['body', body],
  ] as const) {
    field.addEventListener('input', () => shown && notebook.edit(shown, { [name]: field.value }))
    field.addEventListener('paste', (event) => tellIfCut(field, (event as ClipboardEvent).clipboardData))
  }
  title.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return
    event.preventDefault()
    body.focus()
  })
  onClick('back', actions.leave)
  onClick('delete-note', () => {
    if (shown) actions.remove(shown)
  })

  function statusWords(id: string, updatedAt: number): string {
    if (!notebook.isKept()) return 'Not saved – keep this tab open'
    return `${briefTime(updatedAt)} · ${notebook.isPending(id) ? 'Saved on this device' : 'Saved to the server'}`
  }

  return {
    render() {
      const note = notebook.find(route.noteId())
      const isOther = shown !== (note?.id ?? null)
      shown = note?.id ?? null
      if (isOther) body.scrollTop = 0
      setValue(title, note?.title ?? '', isOther)
      setValue(body, note?.body ?? '', isOther)
      const isDraft = note !== undefined && !note.title && !note.body
      setText(status, !note || isDraft ? '' : statusWords(note.id, note.updatedAt))
    },
  }
}

/** The browser silently cuts what does not fit. */
function tellIfCut({ value, selectionStart, selectionEnd, maxLength }: Field, data: DataTransfer | null): void {
  const pasted = data?.getData('text/plain').length ?? 0
  const over = value.length - (selectionEnd ?? 0) + (selectionStart ?? 0) + pasted - maxLength
  if (over > 0) tell(`Not all of it fits: the last ${over} characters were left out.`)
}

/** Another tab or device may have changed the open note: the cursor keeps its position. */
function setValue(field: Field, value: string, isOther: boolean): void {
  if (field.value === value) return
  const { selectionStart, selectionEnd } = field
  field.value = value
  if (!isOther && document.activeElement === field) field.setSelectionRange(selectionStart, selectionEnd)
}
