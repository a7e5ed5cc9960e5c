import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { Typing } from '../../../lib/index.ts'

/** A plugin of the fetch that the client uses. */
export type FetchPlugin = NonNullable<BetterAuthClientPlugin['fetchPlugins']>[number]

export const PROOF_HEADER = 'x-latchkey-proof'
export const EXPECT_HEADER = 'x-latchkey-expect'

/** Holds what is going on while `upgrade` runs. */
export interface ProofState {
  /** Signs one proof; null where the device has no identity. */
  mint: ((nonce?: string) => Promise<string>) | null
  /** Gets the nonce that goes into it, where the server wants one. */
  challenge: (() => Promise<string>) | null
  /** A request left while `upgrade` ran. */
  sent: boolean
  /** A link was followed, and nothing says whose it was to be. */
  unasked: boolean
  /** `upgrade` is running. */
  running: boolean
  /** What the person typed, and typed before. */
  typing: Typing | undefined
  /** An answer was a redirect, which was not followed. */
  redirected: boolean
  /** An answer had the token of a session. */
  signedIn: boolean
}

/** Nothing is going on. */
export const IDLE_PROOF: ProofState = {
  mint: null,
  challenge: null,
  sent: false,
  unasked: false,
  running: false,
  typing: undefined,
  redirected: false,
  signedIn: false,
}

/**
 * Adds the proof to each POST under the base URL while `upgrade` runs, and to the following of a link where it is known
 * whose it is to be.
 */
export function carryProof(proofState: ProofState, baseURL: () => string): FetchPlugin {
  return {
    id: 'latchkey',
    name: 'latchkey',
    hooks: {
      async onRequest(request) {
        const { running, typing, mint, challenge } = proofState
        const url = String(request.url)
        // The plugin's own endpoints are asked by the provider, which brings the proof itself.
        if (!running || !isUnder(url, baseURL()) || isUnder(url, `${baseURL()}/latchkey`)) return
        const isFollowed = request.method === 'GET' && new URL(url).searchParams.has('token')
        if (request.method !== 'POST' && !isFollowed) return
        proofState.sent = true
        // A redirect would carry the header on to wherever it points.
        request.redirect = 'manual'
        const typed = identifierIn(request.body)
        if (typed !== undefined) await typing?.onTyped(typed)
        // Anybody can send a link: the proof is for the account of whoever typed this.
        if (isFollowed && !typing?.expected) {
          proofState.unasked = true
          return request
        }
        if (isFollowed) request.headers.set(EXPECT_HEADER, typing!.expected!)
        if (mint) request.headers.set(PROOF_HEADER, await mint(await challenge?.()))
        return request
      },
      onResponse({ response }) {
        if (proofState.running && response.type === 'opaqueredirect') proofState.redirected = true
      },
      onSuccess({ data }) {
        if (proofState.running && isSession(data)) proofState.signedIn = true
      },
    },
  }
}

/** The e-mail address or phone number that a request sends. */
function identifierIn(body: unknown): string | undefined {
  const { email, phoneNumber } = readBody(body)
  const typed = email ?? phoneNumber
  return typeof typed === 'string' && typed !== '' ? typed : undefined
}

/** As Better Auth's sign-ins answer. */
function isSession(data: unknown): boolean {
  const { token, session } = (data ?? {}) as { readonly token?: unknown; readonly session?: unknown }
  return typeof token === 'string' || (typeof session === 'object' && session !== null)
}

function readBody(body: unknown): Partial<Record<'email' | 'phoneNumber', unknown>> {
  try {
    return (typeof body === 'string' ? JSON.parse(body) : body) ?? {}
  } catch {
    return {}
  }
}

function isUnder(url: string, baseURL: string): boolean {
  return URL.canParse(url) && new URL(url).href.startsWith(`${baseURL}/`)
}
