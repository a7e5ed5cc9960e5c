import { element } from './dom.ts'
import type { Observed } from './observe.ts'
import type { Switch } from './section.ts'
import { spanWords } from './words.ts'

const MINUTE = 60_000

/** The selectable clock errors, in milliseconds. */
const SKEWS: readonly (readonly [label: string, skew: number])[] = [
  ['−1 h', -60 * MINUTE],
  ['−5 min', -5 * MINUTE],
  ['right', 0],
  ['+5 min', 5 * MINUTE],
  ['+1 h', 60 * MINUTE],
]

/**
 * Creates a switch that gives one `createAuth` instance a wrong clock.
 *
 * @param onChange - called when it was switched
 */
export function createClockSwitch(onChange: () => void): Switch {
  const skewed = new Set<Observed>()
  const radios = SKEWS.map(([label, skew]) => ({
    label,
    skew,
    radio: element('input', { type: 'radio', name: 'skew', value: String(skew) }),
  }))
  let shown: Observed | undefined
  for (const { radio, skew } of radios)
    radio.addEventListener('change', () => {
      if (!shown) return
      skewed.add(shown)
      shown.instance.timing.simulated = skew
      onChange()
    })
  const labels = radios.map(({ label, radio }) => element('label', {}, radio, element('span', {}, label)))

  return {
    element: element('fieldset', {}, element('legend', {}, 'Clock'), element('div', { class: 'choice' }, ...labels)),
    render(observed) {
      shown = observed
      for (const { radio, skew } of radios) radio.checked = skew === observed.instance.timing.simulated
    },
    summary(observed) {
      const now = observed?.instance.timing.simulated ?? 0
      return now ? (SKEWS.find(([, skew]) => skew === now)?.[0] ?? `${now < 0 ? '−' : '+'}${spanWords(now)}`) : ''
    },
    reset() {
      for (const { instance } of skewed) instance.timing.simulated = 0
    },
  }
}
