import type { SessionChange } from '../../../lib/index.ts'

/** Requests of the app itself, as Better Auth's client sends them, that may end the browser's session. */
const ENDING = /\/(sign-out|delete-user|revoke-sessions?|revoke-other-sessions)$/

/** Marks a request of the account provider itself, in its options. */
export const OWN: unique symbol = Symbol('own')

/** Listeners of sessions that the app begins or ends through the account client, outside `upgrade` and `signOut`. */
export interface SessionEvents {
  /** Returns a function that ends the subscription. */
  subscribe(listener: (change: SessionChange) => void): () => void
  /**
   * Records a successful response to the app.
   *
   * @param isBegun - true if the response had a session that the request began
   */
  note(request: { readonly url: string | URL; readonly [OWN]?: boolean }, isBegun: boolean): void
}

export function createSessionEvents(): SessionEvents {
  const listeners = new Set<(change: SessionChange) => void>()
  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    note({ url, [OWN]: isOwn }, isBegun) {
      if (isOwn) return
      const { pathname } = new URL(url, 'http://localhost')
      const change = ENDING.test(pathname) ? 'ended' : isBegun ? 'begun' : undefined
      if (change) for (const listener of listeners) listener(change)
    },
  }
}
