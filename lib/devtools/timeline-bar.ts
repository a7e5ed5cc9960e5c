import { button, copyButton, element, setAttribute, setText } from './dom.ts'
import type { Entry } from './log.ts'
import { jsonOf, summaryOf } from './timeline-entry.ts'
import type { Tools } from './tools.ts'

const KINDS: Readonly<Record<string, (entry: Entry) => boolean>> = {
  All: () => true,
  Events: ({ kind }) => kind === undefined,
  Requests: ({ kind }) => kind === 'request',
  Panel: ({ kind }) => kind === 'note',
}

/** What selects the entries of the timeline. */
export interface TimelineBar {
  readonly element: HTMLElement
  /** Returns the entries that are to be shown. */
  select(entries: readonly Entry[]): readonly Entry[]
}

/** Creates the controls that filter, pause, clear and copy. */
export function createTimelineBar({ say, render }: Pick<Tools, 'say' | 'render'>): TimelineBar {
  const search = element('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter' })
  const options = Object.keys(KINDS).map((kind) => element('option', {}, kind))
  const kinds = element('select', { 'aria-label': 'Kind' }, ...options)
  const count = element('span', { class: 'count' })
  let [pausedAt, clearedAt] = [Infinity, 0]
  let shown: readonly Entry[] = []
  const pause = button('Pause', () => {
    pausedAt = pausedAt === Infinity ? performance.now() : Infinity
    setAttribute(pause, 'aria-pressed', String(pausedAt !== Infinity))
    render()
  })
  setAttribute(pause, 'aria-pressed', 'false')
  const clear = button('Clear', () => {
    clearedAt = performance.now()
    render()
  })
  const copy = copyButton('Copy all', () => shown.map(jsonOf), say)
  search.addEventListener('input', render)
  kinds.addEventListener('change', render)

  return {
    element: element('div', { class: 'bar' }, search, kinds, pause, clear, copy, count),
    select(entries) {
      const isOfKind = KINDS[kinds.value]!
      const wanted = search.value.trim().toLowerCase()
      const later = entries.filter(({ tick }) => tick > pausedAt).length
      setText(count, later ? `${later} new` : '')
      shown = entries
        .filter((entry) => entry.tick <= pausedAt && entry.tick > clearedAt && isOfKind(entry))
        .filter((entry) => !wanted || summaryOf(entry).join(' ').toLowerCase().includes(wanted))
      return shown
    },
  }
}
