import { element, setText } from './dom.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import { factList } from './timeline-entry.ts'
import type { Tools } from './tools.ts'

/** What a panel tells the panels of the other tabs. */
interface Presence {
  readonly type: 'here' | 'gone'
  readonly id: string
  readonly title: string
  readonly words: string
  readonly isVisible: boolean
}

/** Lists the tabs in which this panel is, and how often a tab announced that the record changed. */
export function createTabs({ controlsOf }: Tools): Section {
  const list = element('ul', { class: 'plain' })
  const announced = element('p', { class: 'hint' })
  const others = new Map<string, Presence>()
  const id = crypto.randomUUID()
  let follow: { readonly name: string; tell(presence: Presence): void; leave(): void } | undefined
  let told = ''
  let heard = 0

  function listen(observed: Observed): void {
    const name = controlsOf(observed)?.channel ?? undefined
    if (name === follow?.name) return
    leave()
    if (name === undefined || typeof BroadcastChannel !== 'function') return
    const [panels, changes] = [new BroadcastChannel(`${name}:devtools`), new BroadcastChannel(name)]
    panels.onmessage = ({ data }: MessageEvent<Presence>) => {
      const isNew = !others.has(data.id)
      if (data.type === 'gone') others.delete(data.id)
      else others.set(data.id, data)
      // The newcomer does not know this one.
      if (isNew && data.type === 'here') told = ''
    }
    changes.onmessage = () => void heard++
    follow = {
      name,
      tell: (presence) => panels.postMessage(presence),
      leave() {
        panels.postMessage({ type: 'gone', id })
        panels.close()
        changes.close()
      },
    }
  }

  function leave(): void {
    follow?.leave()
    follow = undefined
    others.clear()
    told = ''
    heard = 0
  }

  return {
    element: element('div', {}, list, announced),
    render(observed) {
      listen(observed)
      const { phase, authMode } = observed.instance.getState()
      const isVisible = document.visibilityState === 'visible'
      const own: Presence = { type: 'here', id, title: document.title, words: `${authMode}, ${phase}`, isVisible }
      const now = JSON.stringify(own)
      if (now !== told) follow?.tell(own)
      told = now
      const rows = [own, ...others.values()].map(({ id: tab, title, words }) => [
        `${title || 'Untitled'}${tab === id ? ' (this tab)' : ''}`,
        words,
      ])
      setRows(list, rows)
      setText(
        announced,
        follow
          ? `Tabs without this panel are not listed. Changes of the record announced so far: ${heard}.`
          : 'Only this page uses the store.',
      )
    },
    leave,
  }
}

/** Replaces the rows of a list only if they differ. */
export function setRows(list: HTMLElement, rows: readonly (readonly unknown[])[]): void {
  const text = JSON.stringify(rows)
  if (list.dataset['rows'] === text) return
  list.dataset['rows'] = text
  list.replaceChildren(...rows.map(([name, words]) => element('li', {}, factList({ [String(name)]: words }))))
}
