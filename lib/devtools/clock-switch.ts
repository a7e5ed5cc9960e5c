import { element } from './dom.ts'
import { signed } from './log.ts'
import type { Observed } from './observe.ts'
import type { Switch } from './section.ts'
import type { Tools } from './tools.ts'

const MINUTE_MS = 60_000

/** The selectable clock errors, in milliseconds. */
const SKEWS: readonly (readonly [label: string, skew: number])[] = [
  ['−1 h', -60 * MINUTE_MS],
  ['−5 min', -5 * MINUTE_MS],
  ['right', 0],
  ['+5 min', 5 * MINUTE_MS],
  ['+1 h', 60 * MINUTE_MS],
]

/**
 * Creates a switch that gives one `createAuth` instance a wrong clock. The tokens at hand are dropped, so that the next
 * request shows what a server makes of it.
 */
export function createClockSwitch({ controlsOf, log, render }: Tools): Switch {
  const skewed = new Set<Observed>()
  const radios = SKEWS.map(([label, skew]) => ({
    label,
    skew,
    radio: element('input', { type: 'radio', name: 'skew', value: String(skew) }),
  }))
  let shown: Observed | undefined
  const set = (observed: Observed, skew: number): void => {
    // Without the rest of the client there is no token at hand.
    observed.instance.timing.simulated = skew
    controlsOf(observed)?.setClock(skew)
  }
  for (const { radio, skew, label } of radios)
    radio.addEventListener('change', () => {
      if (!shown) return
      skewed.add(shown)
      set(shown, skew)
      log.note(shown, 'clock', label)
      render()
    })
  const labels = radios.map(({ label, radio }) => element('label', {}, radio, element('span', {}, label)))

  return {
    element: element('fieldset', {}, element('legend', {}, 'Clock'), element('div', { class: 'choice' }, ...labels)),
    render(observed) {
      shown = observed
      controlsOf(observed)
      for (const { radio, skew } of radios) radio.checked = skew === observed.instance.timing.simulated
    },
    summary(observed) {
      const now = observed?.instance.timing.simulated ?? 0
      return now ? (SKEWS.find(([, skew]) => skew === now)?.[0] ?? signed(now)) : ''
    },
    reset() {
      for (const observed of skewed) set(observed, 0)
    },
  }
}
