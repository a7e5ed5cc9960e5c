import type { DevtoolsControls } from '../client/shared/devtools.ts'
import type { AuthState } from '../machine/state.ts'
import { docsLink, element, errorPage } from './dom.ts'
import type { Section } from './section.ts'
import type { Tools } from './tools.ts'

/** Something that is probably not as the developer meant it. */
export interface Advice {
  readonly title: string
  readonly text: string
  /** Page and section of the documentation. */
  readonly page: string
}

/**
 * Explains what is wrong, with its most frequent cause.
 *
 * @param origin - of the page
 */
export function adviceFor(
  { error, upgrade, storage }: AuthState,
  { audience = null, accountAudience = null }: Partial<DevtoolsControls>,
  origin: string,
): readonly Advice[] {
  const found: Advice[] = []
  const proofs = accountAudience ? `, proofs for ${accountAudience}` : ''
  if (error === 'invalid')
    found.push({
      title: 'A server refuses the token: is its address right?',
      text:
        `Tokens of this page are for ${audience ?? origin}${proofs}. ` +
        `Behind a proxy, baseURL of the server has to be ${origin}; outside production, its log names what it expects.`,
      page: 'troubleshooting.md#every-request-is-refused-with-401',
    })
  if (error && error !== 'invalid') found.push(ERRORS[error])
  if (upgrade?.account && !upgrade.pending)
    found.push({
      title: 'An account is signed in outside auth.upgrade()',
      text:
        'Its sign-in carried no proof, so it waits and is not used. Call the sign-in inside auth.upgrade(), or let ' +
        'the user decide: acceptAccount() or cancelUpgrade().',
      page: 'use-session.md#calls-that-bypass-latchkey',
    })
  const code = storage.problem ?? upgrade?.failure
  if (code) found.push({ title: code, text: 'What happened, and what to do:', page: errorPage(code) })
  return found
}

const ERRORS: Readonly<Record<'expired' | 'missing' | 'disabled', Advice>> = {
  expired: {
    title: 'A server refuses the times of the token',
    text: 'A clock is wrong: that of this device, or of the server.',
    page: 'troubleshooting.md#only-some-devices-get-401',
  },
  missing: {
    title: 'The account server knows no session',
    text: 'It was ended elsewhere, or the browser did not send its cookie. The identity and its data stay.',
    page: errorPage('SESSION_MISSING'),
  },
  disabled: {
    title: 'This credential is disabled',
    text: 'An account that can be recovered has taken the identity over, its key was revoked, or its session ended.',
    page: errorPage('PRINCIPAL_DISABLED'),
  },
}

/** Shows the explanations, always in sight. */
export function createAdvice({ controlsOf }: Tools): Section {
  const list = element('section', { class: 'advice', 'aria-label': 'Explanations' })
  let shown = '[]'
  return {
    element: list,
    render(observed) {
      const advice = adviceFor(observed.instance.getState(), controlsOf(observed) ?? {}, location.origin)
      const text = JSON.stringify(advice)
      if (text !== shown) list.replaceChildren(...advice.map(card))
      shown = text
      list.hidden = advice.length === 0
    },
  }
}

function card({ title, text, page }: Advice): HTMLElement {
  return element('p', {}, element('b', {}, title), ` ${text} `, docsLink(page, 'Documentation'))
}
