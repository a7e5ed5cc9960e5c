import type { DevtoolsToken } from '../client/shared/devtools.ts'
import { copyButton, element, jsonBlock, setText } from './dom.ts'
import { shownJson } from './hidden.ts'
import type { Section } from './section.ts'
import { detailList } from './timeline-entry.ts'
import type { Tools } from './tools.ts'
import { spanLabel } from './labels.ts'

/** Shows the tokens in memory: header, claims and lifetime. The panel never gets a signature. */
export function createTokenView({ controlsOf, say }: Tools): Section {
  const list = element('div', { class: 'cards' })
  const none = element(
    'p',
    { class: 'hint' },
    'No token yet. One is made with the next request, or with Refresh under Acts.',
  )
  let cards: readonly Card[] = []
  let shown = ''
  return {
    element: element('section', {}, list, none),
    render(observed) {
      const tokens = controlsOf(observed)?.tokens() ?? []
      const key = shownJson([observed.label, tokens])
      if (key !== shown) cards = tokens.map((token) => createCard(token, say))
      if (key !== shown) list.replaceChildren(...cards.map((card) => card.element))
      shown = key
      none.hidden = tokens.length > 0
      for (const card of cards) card.tick(observed.now())
    },
  }
}

interface Card {
  readonly element: HTMLElement
  /** @param now - by the instance's clock */
  tick(now: number): void
}

function createCard(token: DevtoolsToken, say: (message: string) => void): Card {
  const { header, claims, audience, isDropped } = token
  const [iat, exp] = [Number(claims['iat']) * 1000, Number(claims['exp']) * 1000]
  const left = element('strong')
  const meter = element('meter', { min: '0', max: '1', 'aria-label': 'Lifetime left' })
  return {
    element: element(
      'article',
      { class: 'card' },
      element('h2', {}, `${kindOf(token)} token`),
      element('p', { class: 'life' }, left, meter),
      detailList({
        For: audience,
        State: isDropped && 'dropped: it is not used again',
        Issued: Number.isNaN(iat) ? undefined : new Date(iat).toLocaleString(),
        Expires: Number.isNaN(exp) ? undefined : new Date(exp).toLocaleString(),
        Signature: 'not shown: the panel never gets it',
      }),
      element('h3', {}, 'Header'),
      jsonBlock('Header', header),
      element('h3', {}, 'Claims'),
      jsonBlock('Claims', claims),
      copyButton('Copy claims', () => claims, say),
    ),
    tick(now) {
      setText(left, lifeWords(exp, now))
      const share = (exp - now) / (exp - iat)
      meter.value = Number.isFinite(share) ? Math.max(0, Math.min(1, share)) : 0
    },
  }
}

function kindOf({ header }: DevtoolsToken): string {
  if (header['typ'] === 'latchkey+jwt') return 'Local-first'
  return header['typ'] === 'at+jwt' ? 'Exchanged' : 'Account'
}

function lifeWords(expiresAt: number, now: number): string {
  if (Number.isNaN(expiresAt)) return 'no expiry that could be read'
  return expiresAt > now ? `${spanLabel(expiresAt - now)} left` : `expired ${spanLabel(now - expiresAt)} ago`
}
