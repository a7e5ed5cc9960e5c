import type { App } from './app.ts'

/** Shows the notes of the current principal, and syncs at each useful occasion. */
export function followIdentity({ auth, notebook, sync }: App): { resume(): Promise<void> } {
  let followed = ''

  async function follow(): Promise<void> {
    const { session, authMode, error, phase } = auth.getState()
    const now = [phase === 'starting', ...(session?.principals ?? []), authMode, error].join(' ')
    if (phase === 'starting' || now === followed) return
    followed = now
    await notebook.open(session?.principal ?? null, session?.principals)
    await sync.run()
  }

  /** After a rejection, notes wait. One request without content checks whether the session is accepted again. */
  async function resume(): Promise<void> {
    const { error, storage } = auth.getState()
    try {
      if (error) await auth.fetch('/api/notes', { method: 'HEAD' })
      if (storage.problem) await auth.ensureIdentity()
    } catch {
      // Still rejected: the notice stays.
    }
    await notebook.reload()
    await sync.run()
  }

  auth.subscribe(() => void follow())
  void auth.ready.then(follow)
  addEventListener('online', () => void resume())
  addEventListener('focus', () => void resume())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void resume()
  })
  return { resume }
}
