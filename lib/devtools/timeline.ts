import { copyButton, element, setAttribute, setText } from './dom.ts'
import type { Entry } from './log.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import { factsOf, jsonOf, openedEntry } from './timeline-entry.ts'
import type { Tools } from './tools.ts'

const KINDS: Readonly<Record<string, (entry: Entry) => boolean>> = {
  All: () => true,
  Events: ({ kind }) => kind === undefined,
  Requests: ({ kind }) => kind === 'request',
  Panel: ({ kind }) => kind === 'note',
}

/** Shows what happened, newest first: events of the machine, requests, and what was done in the panel. */
export function createTimeline({ log, say, render }: Tools): Section {
  const list = element('ol', { reversed: '' })
  const search = element('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter' })
  const kinds = element(
    'select',
    { 'aria-label': 'Kind' },
    ...Object.keys(KINDS).map((kind) => element('option', {}, kind)),
  )
  const pause = element('button', { type: 'button', class: 'button', 'aria-pressed': 'false' }, 'Pause')
  const clear = element('button', { type: 'button', class: 'button' }, 'Clear')
  const count = element('span', { class: 'count' })
  const empty = element('p', { class: 'hint' }, 'Nothing here.')
  let [pausedAt, clearedAt] = [Infinity, 0]
  let shown: readonly Entry[] = []
  const rows = new WeakMap<Entry, Row>()

  pause.addEventListener('click', () => {
    pausedAt = pausedAt === Infinity ? performance.now() : Infinity
    render()
  })
  clear.addEventListener('click', () => {
    clearedAt = performance.now()
    render()
  })
  search.addEventListener('input', render)
  kinds.addEventListener('change', render)

  function select(observed: Observed): readonly Entry[] {
    const isOfKind = KINDS[kinds.value]!
    const words = search.value.trim().toLowerCase()
    return log
      .entriesOf(observed)
      .filter((entry) => entry.tick <= pausedAt && entry.tick > clearedAt && isOfKind(entry))
      .filter((entry) => !words || factsOf(entry).join(' ').toLowerCase().includes(words))
  }

  function rowOf(entry: Entry, observed: Observed): Row {
    const row = rows.get(entry) ?? createRow(entry, () => openedEntry(entry, observed.events, say))
    rows.set(entry, row)
    row.update()
    return row
  }

  const bar = element(
    'div',
    { class: 'bar' },
    search,
    kinds,
    pause,
    clear,
    copyButton('Copy all', () => shown.map(jsonOf), say),
    count,
  )
  return {
    element: element(
      'section',
      { class: 'timeline' },
      bar,
      element(
        'div',
        { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Last events, newest first' },
        list,
      ),
      empty,
    ),
    render(observed) {
      shown = select(observed)
      const isPaused = pausedAt !== Infinity
      const later = isPaused ? log.entriesOf(observed).filter(({ tick }) => tick > pausedAt).length : 0
      setAttribute(pause, 'aria-pressed', String(isPaused))
      setText(count, later ? `${later} new` : '')
      arrange(
        list,
        shown.map((entry) => rowOf(entry, observed).element),
      )
      empty.hidden = shown.length > 0
    },
  }
}

/** Makes the list show these rows. One that stays is not touched: a developer may be reading or copying it. */
function arrange(list: HTMLElement, rows: readonly HTMLElement[]): void {
  const wanted = new Set<Element>(rows)
  for (const row of [...list.children]) if (!wanted.has(row)) row.remove()
  rows.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null)
  })
}

interface Row {
  readonly element: HTMLElement
  /** A request changes until it is answered. */
  update(): void
}

function createRow(entry: Entry, open: () => Node[]): Row {
  const [name, effect] = [element('code'), element('span')]
  const time = element('time', { datetime: new Date(entry.at).toISOString() }, clock(entry.at))
  const details = element('details', {}, element('summary', {}, time, ' ', name, ' ', effect))
  const body = element('div', { class: 'opened' })
  let result: unknown = NaN
  const fill = (): void => {
    if (details.open) body.replaceChildren(...open())
  }
  // What nobody opens is not built.
  details.addEventListener('toggle', fill)
  details.append(body)
  return {
    element: element('li', { 'data-kind': entry.kind ?? (entry.ignored ? 'ignored' : 'event') }, details),
    update() {
      const now = entry.kind === 'request' ? entry.result : undefined
      if (now === result) return
      result = now
      const [title = '', words = ''] = factsOf(entry)
      setText(name, title)
      setText(effect, words)
      if (entry.kind === 'request')
        setAttribute(details, 'data-wrong', Number(now) < 400 || now === undefined ? null : 'true')
      fill()
    },
  }
}

const clock = (at: number): string =>
  new Date(at).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
