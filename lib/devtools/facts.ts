import { element, setAttribute, setText } from './dom.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import {
  DURABILITY_WORDS,
  ERROR_WORDS,
  MODE_WORDS,
  PROBLEM_WORDS,
  PROTECTION_WORDS,
  spanWords,
  tokenWords,
} from './words.ts'

/** A value, and its explanation. */
type Fact = readonly [value: string, words?: string | undefined]

/** Number of characters of a principal that are shown. */
const SHORT = 8

const FACTS: Readonly<Record<string, (observed: Observed) => Fact>> = {
  Mode: ({ instance }) => {
    const { authMode } = instance.getState()
    return [authMode, MODE_WORDS[authMode]]
  },
  Principal: ({ instance }) => {
    const { session } = instance.getState()
    if (!session) return ['none']
    const aliases = session.principals.length - 1
    return [`${session.principal.slice(0, SHORT)}…`, aliases ? `and ${aliases} alias${aliases > 1 ? 'es' : ''}` : '']
  },
  Error: ({ instance }) => {
    const { error, upgrade } = instance.getState()
    if (error) return [error, ERROR_WORDS[error]]
    return upgrade?.failure ? [upgrade.failure, 'the last upgrade failed'] : ['none']
  },
  Token: ({ instance, now }) => tokenWords(instance.timing.tokenExpiresAt, now()),
  'Server time': ({ instance }) => {
    const { skew } = instance.timing
    return skew
      ? [`${skew < 0 ? '−' : '+'}${spanWords(skew)}`, 'known from a refused token']
      : ['same as here', 'as far as known']
  },
  Kept: ({ instance }) => {
    const { durability } = instance.getState().storage
    return [durability, DURABILITY_WORDS[durability]]
  },
  Secret: ({ instance }) => {
    const { protection } = instance.getState().storage
    return [protection, PROTECTION_WORDS[protection]]
  },
  Storage: ({ instance }) => {
    const { problem } = instance.getState().storage
    return problem ? [problem, PROBLEM_WORDS[problem]] : ['works']
  },
}

/** Shows the facts of the selected instance: identity, token, storage. */
export function createFacts(): Section {
  const rows = Object.entries(FACTS).map(([name, read]) => {
    const value = element('strong')
    const words = element('span')
    return {
      name,
      read,
      value,
      words,
      line: element(
        'div',
        { 'data-fact': name.toLowerCase() },
        element('dt', {}, name),
        element('dd', {}, value, ' ', words),
      ),
    }
  })
  return {
    element: element('dl', { class: 'facts' }, ...rows.map(({ line }) => line)),
    render(observed) {
      const { error, storage } = observed.instance.getState()
      for (const { name, read, value, words, line } of rows) {
        const [now, meaning = ''] = read(observed)
        setText(value, now)
        setText(words, meaning)
        setAttribute(
          line,
          'data-wrong',
          (name === 'Error' && error) || (name === 'Storage' && storage.problem) ? 'true' : null,
        )
      }
    },
  }
}
