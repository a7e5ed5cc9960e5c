import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { Typing } from '../../../lib/index.ts'

/** A plugin of the client's fetch. */
export type FetchPlugin = NonNullable<BetterAuthClientPlugin['fetchPlugins']>[number]

export const PROOF_HEADER = 'x-latchkey-proof'
export const EXPECT_HEADER = 'x-latchkey-expect'

/** State while `upgrade` runs. */
export interface ProofState {
  /** Signs one proof; null if the device has no identity. */
  mint: ((nonce?: string) => Promise<string>) | null
  /** Requests the nonce for it, if the server requires one. */
  challenge: (() => Promise<string>) | null
  /** True if a request was sent while `upgrade` ran. */
  sent: boolean
  /** True if a link was followed, and the user typed no identifier to compare with. */
  unasked: boolean
  /** True while `upgrade` is running. */
  running: boolean
  /** Identifiers that the user types, and typed before. */
  typing: Typing | undefined
  /** True if a response was a redirect, which was not followed. */
  redirected: boolean
  /** An answer had the token of a session. */
  signedIn: boolean
}

/** The state while no upgrade is running. */
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
 * Adds the proof to each POST under the base URL while `upgrade` runs, and to a followed link if the expected account
 * is known.
 */
export function carryProof(proofState: ProofState, baseURL: () => string): FetchPlugin {
  return {
    id: 'latchkey',
    name: 'latchkey',
    hooks: {
      async onRequest(request) {
        const { running, typing, mint, challenge } = proofState
        const url = String(request.url)
        // The provider calls the plugin's own endpoints, and adds the proof itself.
        if (!running || !isUnder(url, baseURL()) || isUnder(url, `${baseURL()}/latchkey`)) return
        const isFollowed = request.method === 'GET' && new URL(url).searchParams.has('token')
        if (request.method !== 'POST' && !isFollowed) return
        proofState.sent = true
        // A redirect would forward the header to any target.
        request.redirect = 'manual'
        const typed = identifierIn(request.body)
        if (typed !== undefined) await typing?.onTyped(typed)
        // Any party can send a link: the proof is only for the account whose identifier the user typed.
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

/** Returns the e-mail address or phone number in a request's body. */
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
