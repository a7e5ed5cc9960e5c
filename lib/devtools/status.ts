import { element, setText } from './dom.ts'
import type { Section } from './section.ts'

/**
 * Tells those who do not see the diagram where the machine stands, and nothing else: events and seconds would only
 * chatter.
 */
export function createStatus(): Section {
  const line = element('p', { class: 'unseen', role: 'status' })
  let told: string | undefined
  return {
    element: line,
    render({ label, instance }) {
      const { phase, authMode, error } = instance.getState()
      const words = [label, phase, authMode, error].filter(Boolean).join(', ')
      // What was there when the panel opened is no news.
      if (told !== undefined && told !== words) setText(line, words)
      told = words
    },
  }
}
