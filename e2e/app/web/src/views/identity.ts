import type { App, View } from '../app.ts'
import { first, part, setHidden, setText } from '../dom.ts'
import type { SyncStatus } from '../notes/sync.ts'
import { tell } from '../tell.ts'
import { modeWords, quantity, syncWords } from '../words.ts'

/** The bar at the bottom: the identity and the sync status. */
export function createIdentityBar({ auth, notebook, sync }: App): View {
  const status = part('sync-status')
  const unsynced = part('unsynced')
  const welcome = first(document, '[data-for="welcome"] [data-slot="open-auth"]')
  const bar = first(document, '.identity [data-slot="open-auth"]')
  let wasOffline = false

  return {
    render() {
      const state = auth.getState()
      const isReady = state.phase !== 'starting'
      setText(part('mode'), isReady ? modeWords(state) : '')
      setText(part('principal'), state.session?.principal.slice(0, 8) ?? '')
      part('principal').title = state.session?.principal ?? ''
      part('account-menu').dataset['mode'] = state.authMode

      const now = sync.status()
      setText(status, state.session ? syncWords(now, state, notebook.notes().length) : '')
      status.dataset['status'] = now
      wasOffline = tellChange(wasOffline, now)
      const count = notebook.pendingCount()
      setText(unsynced, count ? `${quantity(count, 'change')} not synced yet` : '')
      unsynced.dataset['count'] = String(count)

      setHidden(part('open-auth'), !isReady || state.authMode === 'external')
      const home = document.body.dataset['view'] === 'welcome' ? welcome : bar
      if (part('open-auth').parentElement !== home) home.append(part('open-auth'))
    },
  }
}

/**
 * Tells only what the user may act on; "syncing" and "synced" change with each sentence.
 *
 * @returns true until everything is synced after a time without a network
 */
function tellChange(wasOffline: boolean, now: SyncStatus): boolean {
  if (now === 'offline' && !wasOffline) tell('Offline. What you write is saved on this device.')
  if (now === 'synced' && wasOffline) tell('Back online. Everything is synced.')
  return now === 'offline' || (wasOffline && now !== 'synced')
}
