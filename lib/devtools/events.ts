import { element } from './dom.ts'
import type { Observed, SeenEvent } from './observe.ts'
import type { Section } from './section.ts'

const clock = (at: number): string =>
  new Date(at).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })

/** Shows the last events, newest first. */
export function createEvents(): Section {
  const list = element('ol', { reversed: '' })
  const scroller = element(
    'div',
    { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Last events, newest first' },
    list,
  )
  let shown: Observed | undefined
  let newest: SeenEvent | undefined

  return {
    element: element('section', { class: 'events' }, element('h2', { class: 'unseen' }, 'Events'), scroller),
    render(observed) {
      if (observed !== shown) list.replaceChildren()
      const known = observed === shown ? newest : undefined
      // Existing rows are not rebuilt: a developer may be reading or copying one.
      const end = known ? observed.events.indexOf(known) : observed.events.length
      const fresh = end === -1 ? observed.events : observed.events.slice(0, end)
      if (end === -1) list.replaceChildren()
      list.prepend(...fresh.map(row))
      while (list.children.length > observed.events.length) list.lastElementChild?.remove()
      shown = observed
      newest = observed.events[0]
    },
  }
}

function row(event: SeenEvent): HTMLLIElement {
  const time = element('time', { datetime: new Date(event.at).toISOString() }, clock(event.at))
  return element(
    'li',
    event.ignored ? { 'data-ignored': 'true' } : {},
    time,
    ' ',
    element('code', {}, event.event),
    ' ',
    element('span', {}, effectOf(event)),
  )
}

/** Describes the change that the event made. */
function effectOf({ before, state, ignored }: SeenEvent): string {
  if (ignored) return 'ignored'
  if (state.phase !== (before?.phase ?? 'starting')) return `→ ${state.phase}`
  if (state.error !== before?.error) return state.error ?? 'error cleared'
  if (state.session?.principal !== before?.session?.principal) return 'another identity'
  return state === before ? '' : 'changed'
}
