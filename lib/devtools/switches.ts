import { createClockSwitch } from './clock-switch.ts'
import { element } from './dom.ts'
import { createOfflineSwitch } from './offline-switch.ts'
import type { Switch } from './section.ts'

/** @param onChange - called when something was switched */
export function createSwitches(onChange: () => void): Switch {
  const switches = [createOfflineSwitch(onChange), createClockSwitch(onChange)]
  return {
    element: element('section', { class: 'switches', 'aria-label': 'Switches' }, ...switches.map((one) => one.element)),
    render: (observed) => switches.forEach((one) => one.render(observed)),
    summary: (observed) =>
      switches
        .map((one) => one.summary(observed))
        .filter(Boolean)
        .join(', '),
    reset: () => switches.forEach((one) => one.reset()),
  }
}
