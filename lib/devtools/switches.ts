import { createClockSwitch } from './clock-switch.ts'
import { element } from './dom.ts'
import { createCookieSwitch, createOfflineSwitch } from './network-switches.ts'
import type { Switch } from './section.ts'
import type { Tools } from './tools.ts'

/** Creates the switches: conditions that are hard to reproduce. */
export function createSwitches(tools: Tools): Switch {
  const switches = [createOfflineSwitch(tools), createCookieSwitch(tools), createClockSwitch(tools)]
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
