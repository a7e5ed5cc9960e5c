import { element, setAttribute, setText } from './dom.ts'
import type { Entry } from './log.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import { createTimelineBar } from './timeline-bar.ts'
import { openedEntry, summaryOf, timeOf } from './timeline-entry.ts'
import type { Tools } from './tools.ts'

/** Shows what happened, newest first: events of the machine, requests, and what was done in the panel. */
export function createTimeline({ log, say, render }: Tools): Section {
  const list = element('ol', { reversed: '' })
  const label = 'Last events, newest first'
  const scroller = element('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': label }, list)
  const empty = element('p', { class: 'hint' }, 'Nothing here.')
  const bar = createTimelineBar({ say, render })
  const rows = new WeakMap<Entry, Row>()

  function rowOf(entry: Entry, observed: Observed): HTMLElement {
    const row = rows.get(entry) ?? createRow(entry, () => openedEntry(entry, observed.events, say))
    rows.set(entry, row)
    row.update()
    return row.element
  }

  return {
    element: element('section', { class: 'timeline' }, bar.element, scroller, empty),
    render(observed) {
      const shown = bar.select(log.entriesOf(observed))
      arrange(
        list,
        shown.map((entry) => rowOf(entry, observed)),
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
  const time = element('time', { datetime: timeOf(entry).toISOString() }, clock(timeOf(entry)))
  const details = element('details', {}, element('summary', {}, time, ' ', name, ' ', effect))
  const body = element('div', { class: 'opened' })
  let result: unknown = NaN
  const fill = (): void => {
    if (details.open) body.replaceChildren(...open())
  }
  // Built when it is opened.
  details.addEventListener('toggle', fill)
  details.append(body)
  return {
    element: element('li', { 'data-kind': entry.kind ?? (entry.ignored ? 'ignored' : 'event') }, details),
    update() {
      const now = entry.kind === 'request' ? entry.result : undefined
      if (now === result) return
      result = now
      const [title = '', summary = ''] = summaryOf(entry)
      setText(name, title)
      setText(effect, summary)
      if (entry.kind === 'request')
        setAttribute(details, 'data-wrong', Number(now) < 400 || now === undefined ? null : 'true')
      fill()
    },
  }
}

const clock = (at: Date): string =>
  at.toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
