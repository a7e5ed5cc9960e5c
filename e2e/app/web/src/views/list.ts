import type { Actions } from '../actions.ts'
import type { App, View } from '../app.ts'
import { arrange, first, part, setHidden, setText } from '../dom.ts'
import { type Note, excerptOf, headingOf } from '../notes/note.ts'
import { briefTime } from '../time.ts'

/** Rows that are added each time when the end of the list comes into view. */
const PAGE = 100

/** The list of notes: one tab stop, with arrow keys inside. */
export function createList({ notebook, route }: App, actions: Actions): View {
  const list = part<HTMLUListElement>('note-list')
  const search = part<HTMLInputElement>('search')
  const noMatch = first(document, '.no-match')
  const end = part('list-end')
  const rows = new Map<string, Row>()
  let limit = PAGE

  list.addEventListener('click', (event) => {
    const item = itemOf(event.target)
    if (item) open(item, event.detail === 0)
  })
  list.addEventListener('keydown', (event) => {
    const item = itemOf(event.target)
    if (!item || event.altKey || event.ctrlKey || event.metaKey) return
    const target = neighbourOf(list, item, event.key)
    if (target) focusItem(list, target)
    if (event.key === 'Delete') actions.remove(item.dataset['id']!)
    if (target || event.key === 'Delete') event.preventDefault()
  })
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return
    limit += PAGE
    render()
    // Tells at once if the end is still in view.
    watcher.unobserve(end)
    watcher.observe(end)
  })
  watcher.observe(end)
  search.addEventListener('input', () => {
    limit = PAGE
    render()
  })
  search.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') list.querySelector<HTMLElement>('[data-testid="note-item"]')?.focus()
    if (event.key === 'Escape') search.value = ''
    if (event.key === 'Escape') render()
  })

  /** @param byKey - true moves the focus to the text, for keyboard users */
  function open(item: HTMLElement, byKey: boolean): void {
    const before = route.noteId()
    if (before && before !== item.dataset['id']) notebook.tidy(before)
    route.open(item.dataset['id']!)
    setTimeout(() => (byKey ? part('note-body') : part('editor')).focus())
  }

  function render(): void {
    const wanted = search.value.trim().toLowerCase()
    const found = wanted ? notebook.notes().filter((note) => textOf(note).includes(wanted)) : notebook.notes()
    const notes = found.slice(0, limit)
    setHidden(end, found.length <= limit)
    const open = route.noteId()
    const stop = notes.find(({ id }) => id === open)?.id ?? notes[0]?.id
    const wantedRows = notes.map((note) => {
      const row = rows.get(note.id) ?? createRow(note.id)
      rows.set(note.id, row)
      fillRow(row, note, { isOpen: note.id === open, isStop: note.id === stop, isPending: notebook.isPending(note.id) })
      return row.element
    })
    arrange(list, wantedRows)
    setHidden(noMatch, !wanted || notes.length > 0)
  }

  return { render }
}

const texts = new WeakMap<Note, string>()

/** Returns what the search looks at. A note is never changed, only replaced. */
function textOf(note: Note): string {
  const text = texts.get(note) ?? `${note.title}\n${note.body}`.toLowerCase()
  texts.set(note, text)
  return text
}

function itemOf(target: EventTarget | null): HTMLElement | null {
  return (target as Element).closest<HTMLElement>('[data-testid="note-item"]')
}

function neighbourOf(list: HTMLElement, item: HTMLElement, key: string): HTMLElement | undefined {
  const items = [...list.querySelectorAll<HTMLElement>('[data-testid="note-item"]')]
  const place = items.indexOf(item)
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: place + 1,
    ArrowUp: place - 1,
    Home: 0,
    End: items.length - 1,
  }
  return items[targets[key] ?? -1]
}

function focusItem(list: HTMLElement, item: HTMLElement): void {
  for (const other of list.querySelectorAll<HTMLElement>('[data-testid="note-item"]'))
    other.tabIndex = other === item ? 0 : -1
  item.focus()
}

/** One note in the list with its rendered values: a thousand rows are not rebuilt at each key press. */
interface Row {
  readonly element: HTMLLIElement
  note?: Note
  state?: string
}

function createRow(id: string): Row {
  const element = document.createElement('li')
  const item = document.createElement('button')
  item.type = 'button'
  item.className = 'item'
  item.dataset['testid'] = 'note-item'
  item.dataset['id'] = id
  for (const name of ['item-heading', 'item-time', 'item-excerpt', 'item-pending']) {
    item.append(Object.assign(document.createElement('span'), { className: name, dir: 'auto' }))
  }
  element.append(item)
  return { element }
}

interface RowState {
  readonly isOpen: boolean
  /** True if this row is the tab stop. */
  readonly isStop: boolean
  readonly isPending: boolean
}

function fillRow(row: Row, note: Note, { isOpen, isStop, isPending }: RowState): void {
  const time = briefTime(note.updatedAt)
  const state = [isOpen, isStop, isPending, time].join(' ')
  if (row.note === note && row.state === state) return
  Object.assign(row, { note, state })
  const item = first(row.element, '.item')
  item.tabIndex = isStop ? 0 : -1
  if (isOpen) item.setAttribute('aria-current', 'true')
  else item.removeAttribute('aria-current')
  setText(first(item, '.item-heading'), headingOf(note))
  setText(first(item, '.item-time'), time)
  setText(first(item, '.item-excerpt'), excerptOf(note))
  setText(first(item, '.item-pending'), isPending ? 'not synced yet' : '')
}
