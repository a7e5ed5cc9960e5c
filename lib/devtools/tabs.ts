import { element, setAttribute } from './dom.ts'

/** A view of the panel. */
export interface View {
  readonly name: string
  readonly element: HTMLElement
}

/** Tabs as WAI-ARIA describes them: one is in the tab order, arrow keys select another one. */
export interface Tabs {
  readonly element: HTMLElement
  readonly panels: readonly HTMLElement[]
  /** Index of the selected view. */
  selected(): number
}

/**
 * @param first - index of the view to begin with
 * @param onSelect - called when another view was selected
 */
export function createTabList(views: readonly View[], first: number, onSelect: (index: number) => void): Tabs {
  let selected = views[first] ? first : 0
  const tabs = views.map(({ name }, index) => {
    const tab = element(
      'button',
      { type: 'button', role: 'tab', id: `tab-${index}`, 'aria-controls': `view-${index}` },
      name,
    )
    tab.addEventListener('click', () => select(index))
    return tab
  })
  const panels = views.map((view, index) =>
    element('div', { role: 'tabpanel', id: `view-${index}`, 'aria-labelledby': `tab-${index}` }, view.element),
  )
  const list = element('div', { role: 'tablist', 'aria-label': 'Views' }, ...tabs)
  list.addEventListener('keydown', (event) => {
    const next = STEPS[event.key]?.(selected, tabs.length)
    if (next === undefined) return
    event.preventDefault()
    select(next)
    tabs[next]?.focus()
  })

  function select(index: number): void {
    selected = index
    show()
    onSelect(index)
  }

  function show(): void {
    tabs.forEach((tab, index) => {
      setAttribute(tab, 'aria-selected', String(index === selected))
      tab.tabIndex = index === selected ? 0 : -1
      panels[index]!.hidden = index !== selected
    })
  }
  show()
  return { element: list, panels, selected: () => selected }
}

const STEPS: Readonly<Record<string, (index: number, count: number) => number>> = {
  ArrowRight: (index, count) => (index + 1) % count,
  ArrowLeft: (index, count) => (index + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
}
