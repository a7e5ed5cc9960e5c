import type { Auth, AuthMode, CreateAuth } from 'latchkey'

/** What a page or worker of these specs has in its global scope. */
export interface Scope {
  readonly createAuth: CreateAuth
  /** The identity as it was opened here. */
  auth?: Auth
  /** Resolves once all ends of the barrier were told to go on. */
  held(): Promise<unknown>
  /** Resolves once the mode is the given one. */
  until(auth: Auth, mode: AuthMode): Promise<void>
}

declare global {
  var scope: Scope
}

export function expose(createAuth: CreateAuth, more: object = {}): void {
  globalThis.scope = { createAuth, held, until, ...more }
}

function held(): Promise<unknown> {
  return new Promise((resolve) => {
    const barrier = new BroadcastChannel('barrier')
    barrier.onmessage = ({ data }) => data === 'go' && resolve(barrier.close())
    barrier.postMessage('waiting')
  })
}

function until(auth: Auth, mode: AuthMode): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (auth.getState().authMode !== mode) return
      stop()
      resolve()
    }
    const stop = auth.subscribe(check)
    check()
  })
}
