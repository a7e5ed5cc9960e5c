import { copyButton, element, jsonBlock, setText } from './dom.ts'
import { shownJson } from './hidden.ts'
import type { Section } from './section.ts'
import { createLocks } from './lock-list.ts'
import type { Tools } from './tools.ts'

/**
 * Shows the record without its secrets, the tabs that share it, and their locks.
 *
 * @param tabs - rendered by the caller, in every view: the other tabs have to know of this one
 */
export function createStorageView(tools: Tools, tabs: Section): Section {
  const record = element('div')
  const summary = element('p', { class: 'hint' })
  const locks = createLocks(tools)
  let shown: string | undefined
  return {
    element: element(
      'section',
      {},
      element('h2', {}, 'Record'),
      summary,
      record,
      element('h2', {}, 'Tabs'),
      tabs.element,
      element('h2', {}, 'Locks'),
      locks.element,
    ),
    render(observed) {
      const controls = tools.controlsOf(observed)
      const found = controls?.record()
      const text = shownJson(found ?? null)
      setText(summary, controls && !found ? 'There is none.' : 'Without keys, secrets, tokens and one-time ids.')
      if (text !== shown)
        record.replaceChildren(
          ...(found ? [jsonBlock('Record', found), copyButton('Copy record', () => found, tools.say)] : []),
        )
      shown = text
      locks.render(observed)
    },
  }
}
