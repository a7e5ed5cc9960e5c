import { createClockSwitch } from './clock-switch.ts'
import { element } from './dom.ts'
import type { Observed } from './observe.ts'
import { createOfflineSwitch } from './offline-switch.ts'
import type { Section } from './section.ts'

/** A part of the panel that changes something. */
export interface Switch extends Section {
  /** What is switched on, in a word or two; empty while everything is as it is. */
  summary(observed: Observed | undefined): string
  /** Puts everything back that was changed here. */
  reset(): void
}

/** @param onChange - something was switched */
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
