import type { SessionChange } from '../../../lib/index.ts'

/** Requests of the app itself after which the browser may have no session any more, as Better Auth's client sends them. */
const ENDING = /\/(sign-out|delete-user|revoke-sessions?|revoke-other-sessions)$/

/** Listeners of sessions that the app begins or ends through the account client, outside `upgrade` and `signOut`. */
export interface SessionEvents {
  /** Returns a function that ends the subscription. */
  subscribe(listener: (change: SessionChange) => void): () => void
  /**
   * Takes note of a successful response.
   *
   * @param url - of its request
   * @param isSession - true if the response had a session
   */
  note(url: string, isSession: boolean): void
}

export function createSessionEvents(): SessionEvents {
  const listeners = new Set<(change: SessionChange) => void>()
  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    note(url, isSession) {
      const path = new URL(url, 'http://localhost').pathname
      const change = ENDING.test(path) ? 'ended' : isSession && !path.endsWith('/get-session') ? 'begun' : undefined
      if (change) for (const listener of listeners) listener(change)
    },
  }
}
