import { isLatchkeyError } from 'latchkey'
import type { App } from './app.ts'

/** Shows the notes of the current principal, and syncs at each useful occasion. */
export function followIdentity({ auth, notebook, sync }: App): { retry(): Promise<void> } {
  let followed = ''
  let wasLost = false

  async function follow(): Promise<void> {
    const { session, authMode, error, phase } = auth.getState()
    const now = [phase === 'starting', ...(session?.principals ?? []), authMode, error].join(' ')
    if (phase === 'starting' || now === followed) return
    followed = now
    await notebook.open(session?.principal ?? null, session?.principals)
    await keepAgain()
    await sync.run()
  }

  /**
   * Reads the storage again: that ends a problem if there is something to read. If not, the first start is repeated.
   * Only the user starts over after the data was cleared.
   */
  async function retryStorage(isAsked: boolean): Promise<void> {
    try {
      await auth.listIdentities()
    } catch (error) {
      if (!isAsked || !isLatchkeyError(error, 'KEYSTORE_VANISHED')) throw error
    }
    if (auth.getState().storage.problem) await auth.ensureIdentity()
  }

  /**
   * After a rejection, notes wait. One request without content checks whether the session is accepted again.
   *
   * @param isAsked - true if the user clicked; an event of the page creates no identity in place of one that was lost
   */
  async function resume(isAsked: boolean): Promise<void> {
    const { error, storage } = auth.getState()
    try {
      if (error) await auth.fetch('/api/notes', { method: 'HEAD' })
      if (storage.problem) await retryStorage(isAsked)
    } catch {
      // Still rejected: the notice stays.
    }
    await notebook.reload()
    await keepAgain()
    await sync.run()
  }

  /** After the stored notes were deleted under the page: stores them again if the identity is still stored. */
  async function keepAgain(): Promise<void> {
    if (!notebook.isLost()) return
    try {
      await auth.listIdentities()
    } catch {
      // The notice tells that the identity is gone as well.
      return
    }
    if (!auth.getState().storage.problem) await notebook.keepAgain()
  }

  notebook.subscribe(() => {
    const isNews = notebook.isLost() && !wasLost
    wasLost = notebook.isLost()
    if (isNews) void keepAgain()
  })
  auth.subscribe(() => void follow())
  void auth.ready.then(follow)
  addEventListener('online', () => void resume(false))
  addEventListener('focus', () => void resume(false))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void resume(false)
  })
  return { retry: () => resume(true) }
}
