import { element, setText } from './dom.ts'
import type { Section } from './section.ts'
import { detailList } from './timeline-entry.ts'
import type { Tools } from './tools.ts'

/** What a panel tells the panels of the other tabs. */
interface Presence {
  readonly type: 'here' | 'gone'
  readonly id: string
  readonly title: string
  readonly status: string
}

/** The list of tabs. */
export interface TabList extends Section {
  /** Tells the other tabs that this panel is gone. */
  leave(): void
}

/** Lists the tabs in which this panel is, and how often a tab announced that the record changed. */
export function createTabs({ controlsOf }: Tools): TabList {
  const list = element('ul', { class: 'plain' })
  const announced = element('p', { class: 'hint' })
  // Unlike `randomUUID`, there in a page without TLS too.
  const id = crypto.getRandomValues(new Uint32Array(2)).join('-')
  let neighbours: Neighbours | undefined

  return {
    element: element('div', {}, list, announced),
    render(observed) {
      const name = controlsOf(observed)?.channel ?? undefined
      if (name !== neighbours?.name) {
        neighbours?.leave()
        neighbours = name !== undefined && globalThis.BroadcastChannel ? meetNeighbours(name, id) : undefined
      }
      const { phase, authMode } = observed.instance.getState()
      const own: Presence = { type: 'here', id, title: document.title, status: `${authMode}, ${phase}` }
      neighbours?.tell(own)
      const rows = [own, ...(neighbours?.others.values() ?? [])].map(({ id: tab, title, status }) => [
        `${title || 'Untitled'}${tab === id ? ' (this tab)' : ''}`,
        status,
      ])
      setRows(list, rows)
      setText(
        announced,
        neighbours
          ? `Tabs without this panel are not listed. Changes of the record announced so far: ${neighbours.heard()}.`
          : 'Only this page uses the store.',
      )
    },
    leave: () => neighbours?.leave(),
  }
}

/** The tabs that share one store. */
interface Neighbours {
  /** The name of their channel. */
  readonly name: string
  readonly others: ReadonlyMap<string, Presence>
  /** Number of announced changes. */
  heard(): number
  /** Tells the others what this tab is, if it has changed. */
  tell(own: Presence): void
  leave(): void
}

function meetNeighbours(name: string, id: string): Neighbours {
  const [panels, changes] = [new BroadcastChannel(`${name}:devtools`), new BroadcastChannel(name)]
  const others = new Map<string, Presence>()
  let [told, heard] = ['', 0]
  panels.onmessage = ({ data }: MessageEvent<Presence>) => {
    // A newcomer does not know this tab.
    if (!others.has(data.id)) told = ''
    if (data.type === 'gone') others.delete(data.id)
    else others.set(data.id, data)
  }
  changes.onmessage = () => void heard++
  return {
    name,
    others,
    heard: () => heard,
    tell(own) {
      const now = JSON.stringify(own)
      if (now !== told) panels.postMessage(own)
      told = now
    },
    leave() {
      panels.postMessage({ type: 'gone', id })
      panels.close()
      changes.close()
    },
  }
}

/** Replaces the rows of a list only if they differ. */
export function setRows(list: HTMLElement, rows: readonly (readonly unknown[])[]): void {
  const text = JSON.stringify(rows)
  if (list.dataset['rows'] === text) return
  list.dataset['rows'] = text
  list.replaceChildren(...rows.map(([name, detail]) => element('li', {}, detailList({ [String(name)]: detail }))))
}
