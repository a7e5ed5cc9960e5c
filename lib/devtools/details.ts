import { element, setAttribute, setText } from './dom.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import {
  DURABILITY_LABELS,
  ERROR_LABELS,
  MODE_LABELS,
  PROBLEM_LABELS,
  PROTECTION_LABELS,
  spanLabel,
  tokenLabel,
} from './labels.ts'

/** A value, and its explanation. */
type Detail = readonly [value: string, explanation?: string | undefined]

/** Number of characters of a principal that are shown. */
const SHOWN_CHARACTERS = 8

const DETAILS: Readonly<Record<string, (observed: Observed) => Detail>> = {
  Mode: ({ instance }) => {
    const { authMode } = instance.getState()
    return [authMode, MODE_LABELS[authMode]]
  },
  Principal: ({ instance }) => {
    const { session } = instance.getState()
    if (!session) return ['none']
    const aliases = session.principals.length - 1
    return [
      `${session.principal.slice(0, SHOWN_CHARACTERS)}…`,
      aliases ? `and ${aliases} alias${aliases > 1 ? 'es' : ''}` : '',
    ]
  },
  Error: ({ instance }) => {
    const { error, upgrade } = instance.getState()
    if (error) return [error, ERROR_LABELS[error]]
    return upgrade?.failure ? [upgrade.failure, 'the last upgrade failed'] : ['none']
  },
  Token: ({ instance, now }) => tokenLabel(instance.timing.tokenExpiresAt ?? null, now()),
  'Server time': ({ instance }) => {
    const { skew } = instance.timing
    return skew
      ? [`${skew < 0 ? '−' : '+'}${spanLabel(skew)}`, 'known from a refused token']
      : ['same as here', 'as far as known']
  },
  Kept: ({ instance }) => {
    const { durability } = instance.getState().storage
    return [durability, DURABILITY_LABELS[durability]]
  },
  Secret: ({ instance }) => {
    const { protection } = instance.getState().storage
    return [protection, PROTECTION_LABELS[protection]]
  },
  Storage: ({ instance }) => {
    const { problem } = instance.getState().storage
    return problem ? [problem, PROBLEM_LABELS[problem]] : ['works']
  },
}

/** Shows the details of the selected instance: identity, token, storage. */
export function createDetails(): Section {
  const rows = Object.entries(DETAILS).map(([name, read]) => {
    const value = element('strong')
    const explanation = element('span')
    return {
      name,
      read,
      value,
      explanation,
      line: element(
        'div',
        { 'data-fact': name.toLowerCase() },
        element('dt', {}, name),
        element('dd', {}, value, ' ', explanation),
      ),
    }
  })
  return {
    element: element('dl', { class: 'facts' }, ...rows.map(({ line }) => line)),
    render(observed) {
      const { error, storage } = observed.instance.getState()
      for (const { name, read, value, explanation, line } of rows) {
        const [now, meaning = ''] = read(observed)
        setText(value, now)
        setText(explanation, meaning)
        setAttribute(
          line,
          'data-wrong',
          (name === 'Error' && error) || (name === 'Storage' && storage.problem) ? 'true' : null,
        )
      }
    },
  }
}
