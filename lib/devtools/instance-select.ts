import { element } from './dom.ts'
import type { Observed, Observer } from './observe.ts'

/** Selects one of the page's `createAuth` instances. */
export interface InstanceSelect {
  readonly element: HTMLElement
  /** Returns undefined if there is none yet. */
  selected(): Observed | undefined
  render(): void
}

/** @param onSelect - called when another one was selected */
export function createInstanceSelect({ instances }: Observer, onSelect: () => void): InstanceSelect {
  const select = element('select')
  select.addEventListener('change', onSelect)
  const line = element('label', { class: 'chooser' }, element('span', {}, 'Instance'), select)
  return {
    element: line,
    selected: () => instances[Math.max(0, select.selectedIndex)],
    render() {
      const fresh = instances.slice(select.options.length)
      select.append(...fresh.map(({ label }) => element('option', {}, label)))
      line.hidden = instances.length < 2
    },
  }
}
