import { element, setText } from './dom.ts'
import type { Section } from './section.ts'

/** Announces the phase to screen readers, and nothing else: events and seconds would be noise. */
export function createStatus(): Section {
  const line = element('p', { class: 'unseen', role: 'status' })
  let told: string | undefined
  return {
    element: line,
    render({ label, instance }) {
      const { phase, authMode, error } = instance.getState()
      const words = [label, phase, authMode, error].filter(Boolean).join(', ')
      // The phase at the time of opening is not announced.
      if (told !== undefined && told !== words) setText(line, words)
      told = words
    },
  }
}
