import { createElement } from 'react'
import { createAuth } from 'latchkey'
import { useAuth } from 'latchkey/react'

/** At module level, as apps do: the server that renders runs this line too. */
export const auth = createAuth()

export function App({ auth: shown = auth }) {
  const { phase } = useAuth(shown)
  const principal = useAuth(shown, ({ session }) => session?.principal)
  const summary = useAuth(shown, ({ authMode, storage }) => ({ authMode, durability: storage.durability }))
  return createElement('main', null, [
    createElement('p', { key: 1, 'data-testid': 'phase' }, phase),
    createElement('p', { key: 2, 'data-testid': 'principal' }, principal ?? 'nobody yet'),
    createElement('p', { key: 3, 'data-testid': 'summary' }, `${summary.authMode}, ${summary.durability}`),
  ])
}
