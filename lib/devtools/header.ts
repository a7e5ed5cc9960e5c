import { drawn, element, setAttribute, setText } from './dom.ts'
import type { Observed } from './observe.ts'

/** The visible part of the closed panel: the button that opens and closes it, with the current phase. */
export interface Header {
  readonly element: HTMLElement
  /** @param summary - the active switches, in one or two words */
  render(isOpen: boolean, observed: Observed | undefined, summary: string): void
}

/** @param toggle - opens or closes the panel */
export function createHeader(toggle: () => void): Header {
  const phase = element('span', { class: 'now' })
  const mark = element('span', { class: 'mark' })
  const name = element('span', { class: 'name' }, 'Latchkey', element('span', { class: 'unseen' }, ' developer panel'))
  const button = element(
    'button',
    { class: 'header', type: 'button', 'aria-controls': 'body' },
    icon('M10.4 10.4l10.1 10.1M14.5 14.5l3.25-3.25M18.5 18.5l3.25-3.25', true),
    name,
    mark,
    phase,
    icon('m6 14.5 6-6 6 6'),
  )
  button.addEventListener('click', toggle)

  return {
    element: button,
    render(isOpen, observed, summary) {
      setAttribute(button, 'aria-expanded', String(isOpen))
      setText(mark, summary)
      setText(phase, observed?.instance.getState().phase ?? '')
    },
  }
}

/** @param isKey - true adds the bow of a key */
function icon(path: string, isKey = false): SVGElement {
  const bow = isKey ? [drawn('circle', { cx: '7.5', cy: '7.5', r: '4' })] : []
  return drawn(
    'svg',
    { class: isKey ? 'key' : 'chevron', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    ...bow,
    drawn('path', { d: path }),
  )
}
