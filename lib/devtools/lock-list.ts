import { element, setText } from './dom.ts'
import type { Section } from './section.ts'
import { setRows } from './tab-list.ts'
import type { Tools } from './tools.ts'

/** What each lock is for, by the end of its name. */
const PURPOSES: Readonly<Record<string, string>> = {
  '': 'an upgrade, a sign-out or another act on the session',
  ':look': 'a check of the session in the background',
  ':token': 'the refresh of an account token',
}

/** Shows which of the client's locks are held over all tabs. */
export function createLocks({ controlsOf, render }: Tools): Section {
  const list = element('ul', { class: 'plain' })
  const hint = element('p', { class: 'hint' })
  let known: readonly (readonly [name: string, purpose: string])[] = []
  let isAsking = false

  async function ask(channel: string): Promise<void> {
    isAsking = true
    const { held = [], pending = [] } = await navigator.locks.query()
    const describe = (locks: readonly LockInfo[], state: string): (readonly [string, string])[] =>
      locks.flatMap(({ name = '' }) => {
        const purpose = name.startsWith(channel) ? PURPOSES[name.slice(channel.length)] : undefined
        return purpose ? [[name, `${state}: ${purpose}`] as const] : []
      })
    const now = [...describe(held, 'held'), ...describe(pending, 'waited for')]
    const isSame = JSON.stringify(now) === JSON.stringify(known)
    known = now
    isAsking = false
    if (!isSame) render()
  }

  return {
    element: element('div', {}, list, hint),
    render(observed) {
      const channel = controlsOf(observed)?.channel
      if (channel && navigator.locks && !isAsking) ask(channel).catch(() => (isAsking = false))
      setRows(list, known)
      setText(hint, known.length ? '' : channel ? 'None is held.' : 'Only this page uses the store.')
    },
  }
}
