import { element } from './dom.ts'
import type { Observed, Observer } from './observe.ts'

/** Selects one of the page's `createAuth` instances. */
export interface Chooser {
  readonly element: HTMLElement
  /** Returns undefined if there is none yet. */
  chosen(): Observed | undefined
  render(): void
}

/** @param onChoice - called when another one was selected */
export function createChooser({ instances }: Observer, onChoice: () => void): Chooser {
  const select = element('select')
  select.addEventListener('change', onChoice)
  const line = element('label', { class: 'chooser' }, element('span', {}, 'Instance'), select)
  return {
    element: line,
    chosen: () => instances[Math.max(0, select.selectedIndex)],
    render() {
      const fresh = instances.slice(select.options.length)
      select.append(...fresh.map(({ label }) => element('option', {}, label)))
      line.hidden = instances.length < 2
    },
  }
}
