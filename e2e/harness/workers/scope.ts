import type { AccountProvider, Auth, AuthMode, CreateAuth } from 'latchkey'

/** What a page or worker of these specs has in its global scope. */
export interface Scope {
  readonly createAuth: CreateAuth
  /** The identity as it was opened here. */
  auth?: Auth
  /** The account server that it asks. */
  account?: ReturnType<Scope['accountOf']>
  /** Resolves once all ends of the barrier were told to go on. */
  held(): Promise<unknown>
  /** Resolves once the mode is the given one. */
  until(auth: Auth, mode: AuthMode): Promise<void>
  /** An account server that knows one account, and whether a user is signed in there. */
  accountOf(principal: () => string): AccountProvider & { isSignedIn: boolean; readonly proofs: string[] }
}

declare global {
  var scope: Scope
}

export function expose(createAuth: CreateAuth, more: object = {}): void {
  globalThis.scope = { createAuth, held, until, accountOf, ...more }
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

function accountOf(principal: () => string): ReturnType<Scope['accountOf']> {
  const proofs: string[] = []
  const account: ReturnType<Scope['accountOf']> = {
    proofs,
    isSignedIn: false,
    audience: 'https://auth.example/api/auth',
    getSession: async () =>
      account.isSignedIn ? { accountId: 'ada', principal: principal(), aliases: [], recoverable: false } : null,
    // Unsigned: a client shows its claims and passes it on.
    getToken: async () =>
      account.isSignedIn
        ? ['{"alg":"none"}', JSON.stringify({ sub: principal(), iat: 0, exp: 900 }), '']
            .map((part) => btoa(part).replaceAll('=', ''))
            .join('.')
        : null,
    async withProof(mint, run) {
      if (mint) proofs.push(await mint())
      return { result: await run(), sent: true }
    },
    readFailure: () => null,
    signOut: async () => void (account.isSignedIn = false),
  }
  return account
}
