import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { ProvenRun, Typing } from '../../../lib/index.ts'
import { readRetryAfter } from './failures.ts'
import type { SessionEvents } from './session-events.ts'

/** A plugin of the client's fetch. */
export type FetchPlugin = NonNullable<BetterAuthClientPlugin['fetchPlugins']>[number]

export const PROOF_HEADER = 'x-latchkey-proof'
export const EXPECT_HEADER = 'x-latchkey-expect'

/** One `run` of `upgrade`, and what its requests met. */
export interface ProofRun {
  /** Signs one proof; null if the device has no identity. */
  readonly mint: ((nonce?: string) => Promise<string>) | null
  /** Requests the nonce for it, if the server requires one. */
  readonly challenge: (() => Promise<string>) | null
  /** Identifiers that the user types, and typed before. */
  readonly typing: Typing | undefined
  /** True if a request was sent. */
  sent: boolean
  /** True if a link was followed, and the user typed no identifier to compare with. */
  unasked: boolean
  /** True if a response was a redirect, which was not followed. */
  redirected: boolean
  /** True if a response had the token of a session that its request began. */
  signedIn: boolean
  /** The error of the last request without a response. */
  unreachable?: unknown
  /** Seconds, of the last response that asked to wait. */
  retryAfter?: number | undefined
}

/** State while `upgrade` runs. */
export interface ProofState {
  /** The current run; null at any other time. */
  current: ProofRun | null
  /** The run that began last. */
  last: ProofRun | null
  readonly events: SessionEvents
}

/**
 * Lets the requests of `run` carry proofs until it ends or is given up. Later requests of a run that was given up do
 * not belong to the next one.
 */
export async function carryWhile<Result>(
  state: ProofState,
  given: Pick<ProofRun, 'mint' | 'challenge' | 'typing'>,
  run: () => Result | Promise<Result>,
): Promise<ProvenRun<Result>> {
  const mine: ProofRun = { ...given, sent: false, unasked: false, redirected: false, signedIn: false }
  state.current = state.last = mine
  const end = (): void => void (state.current === mine && (state.current = null))
  given.typing?.signal?.addEventListener('abort', end)
  try {
    const result = await run()
    const { sent, unasked, signedIn } = mine
    return { result, sent, unasked, signedIn }
  } finally {
    end()
  }
}

/**
 * Adds the proof to each POST under the base URL while `upgrade` runs, and to a followed link if the expected account
 * is known.
 */
export function carryProof(state: ProofState, baseURL: () => string): FetchPlugin {
  return {
    id: 'latchkey',
    name: 'latchkey',
    init: async (url, options) => ({ url, options: watched(state.current, options) ?? {} }),
    hooks: {
      onRequest: (request) => addProof(state.current, baseURL(), request as FetchRequest),
      onResponse({ response }) {
        const { current } = state
        if (!current) return
        if (response.type === 'opaqueredirect') current.redirected = true
        if (response.status === 429) current.retryAfter = readRetryAfter(response)
      },
      onSuccess({ data, request }) {
        const { current, events } = state
        const url = String(request.url)
        // A followed link or a POST: reading a session does not begin one.
        const isSignIn = /[?&]token=/.test(url) || (request.method === 'POST' && !url.includes('/get-session'))
        const isBegun = isSession(data) && isSignIn
        if (!current) events.note(request, isBegun)
        // The session that made a one-time token is another browser's.
        else if (isBegun && !url.includes('/one-time-token')) current.signedIn = true
      },
    },
  }
}

type FetchOptions = Parameters<NonNullable<FetchPlugin['init']>>[1]

/** Only the fetch itself knows whether a `TypeError` means a missing network or an error in the app. */
function watched(run: ProofRun | null, options: FetchOptions): FetchOptions {
  if (!run) return options
  const customFetchImpl: typeof fetch = async (...given) => {
    try {
      return await (options?.customFetchImpl ?? fetch)(...given)
    } catch (error) {
      run.unreachable = error
      throw error
    }
  }
  return { ...options, customFetchImpl }
}

type OnRequest = NonNullable<NonNullable<FetchPlugin['hooks']>['onRequest']>
type FetchRequest = Parameters<OnRequest>[0]

async function addProof(run: ProofRun | null, baseURL: string, request: FetchRequest): Promise<FetchRequest | void> {
  const url = String(request.url)
  // The provider calls the plugin's own endpoints, and adds the proof itself.
  if (!run || !isUnder(url, baseURL) || isUnder(url, `${baseURL}/latchkey`)) return
  const { typing, mint, challenge } = run
  const isFollowed = request.method === 'GET' && new URL(url).searchParams.has('token')
  if (request.method !== 'POST' && !isFollowed) return
  run.sent = true
  // A redirect would forward the header to any target.
  request.redirect = 'manual'
  const typed = identifierIn(request.body)
  if (typed !== undefined) await typing?.onTyped(typed)
  // Any party can send a link: the proof is only for the account whose identifier the user typed.
  if (isFollowed && !typing?.expected) {
    run.unasked = true
    return request
  }
  if (isFollowed) request.headers.set(EXPECT_HEADER, typing!.expected!)
  if (mint) request.headers.set(PROOF_HEADER, await mint(await challenge?.()))
  return request
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
  try {
    return new URL(url).href.startsWith(`${baseURL}/`)
  } catch {
    return false
  }
}
