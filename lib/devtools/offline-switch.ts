import { element } from './dom.ts'
import { cutNetwork } from './network.ts'
import type { Switch } from './section.ts'

/**
 * Creates a switch that simulates a missing network.
 *
 * @param onChange - called when it was switched
 */
export function createOfflineSwitch(onChange: () => void): Switch {
  let restore: (() => void) | undefined
  const box = element('input', { type: 'checkbox', role: 'switch' })
  const reset = (): void => {
    restore?.()
    restore = undefined
  }
  box.addEventListener('change', () => {
    if (box.checked) restore ??= cutNetwork()
    else reset()
    onChange()
  })
  return {
    element: element(
      'label',
      { class: 'switch' },
      element('span', {}, 'Offline'),
      element('small', {}, 'fetch fails as if offline'),
      box,
    ),
    render: () => void (box.checked = restore !== undefined),
    summary: () => (restore ? 'offline' : ''),
    reset,
  }
}
