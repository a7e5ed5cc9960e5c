import { element, setText } from './dom.ts'
import type { Section } from './section.ts'

/** The only voice of the panel. */
export interface Status extends Section {
  /** Announces the result of something that the developer did in the panel. */
  say(message: string): void
}

/** Announces the phase to screen readers, and nothing else by itself: events and seconds would be noise. */
export function createStatus(): Status {
  const line = element('p', { class: 'unseen', role: 'status' })
  let told: string | undefined
  return {
    element: line,
    say: (message) => setText(line, message),
    render({ label, instance }) {
      const { phase, authMode, error } = instance.getState()
      const message = [label, phase, authMode, error].filter(Boolean).join(', ')
      // The phase at the time of opening is not announced.
      if (told !== undefined && told !== message) setText(line, message)
      told = message
    },
  }
}
