import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { Typing } from '../../../lib/index.ts'
import { readRetryAfter } from './failures.ts'

/** A plugin of the fetch that the client uses. */
export type FetchPlugin = NonNullable<BetterAuthClientPlugin['fetchPlugins']>[number]

export const PROOF_HEADER = 'x-latchkey-proof'
const EXPECT_HEADER = 'x-latchkey-expect'

/** One `run` of `upgrade`, and what its requests met. */
export interface ProofRun {
  /** Signs one proof; null where the device has no identity. */
  readonly mint: ((nonce?: string) => Promise<string>) | null
  /** Gets the nonce that goes into it, where the server wants one. */
  readonly challenge: (() => Promise<string>) | null
  /** What the person typed, and typed before. */
  readonly typing: Typing | undefined
  /** A request left. */
  sent: boolean
  /** A link was followed, and nothing says whose it was to be. */
  unasked: boolean
  /** An answer was a redirect, which was not followed. */
  redirected: boolean
  /** What the last request that got no answer threw. */
  unreachable?: unknown
  /** Seconds, of the last answer that asked to wait. */
  retryAfter?: number | undefined
}

/** Holds what is going on while `upgrade` runs. */
export interface ProofState {
  /** The run that is going on; null at any other time. */
  current: ProofRun | null
  /** The run that began last. */
  last: ProofRun | null
}

/**
 * Lets the requests of `run` carry proofs until it ends or is given up. What a run that was given up does later is no
 * part of the next one.
 */
export async function carryWhile<Result>(
  state: ProofState,
  given: Pick<ProofRun, 'mint' | 'challenge' | 'typing'>,
  run: () => Result | Promise<Result>,
): Promise<{ readonly result: Result; readonly sent: boolean; readonly unasked: boolean }> {
  const mine: ProofRun = { ...given, sent: false, unasked: false, redirected: false }
  state.current = state.last = mine
  const end = (): void => void (state.current === mine && (state.current = null))
  given.typing?.signal?.addEventListener('abort', end)
  try {
    const result = await run()
    return { result, sent: mine.sent, unasked: mine.unasked }
  } finally {
    end()
  }
}

/**
 * Adds the proof to each POST under the base URL while `upgrade` runs, and to the following of a link where it is known
 * whose it is to be.
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
    },
  }
}

type FetchOptions = Parameters<NonNullable<FetchPlugin['init']>>[1]

/** Only the fetch itself knows whether a `TypeError` means that there is no network, or a mistake of the app. */
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
  // The plugin's own endpoints are asked by the provider, which brings the proof itself.
  if (!run || !isUnder(url, baseURL) || isUnder(url, `${baseURL}/latchkey`)) return
  const { typing, mint, challenge } = run
  const isFollowed = request.method === 'GET' && new URL(url).searchParams.has('token')
  if (request.method !== 'POST' && !isFollowed) return
  run.sent = true
  // A redirect would carry the header on to wherever it points.
  request.redirect = 'manual'
  const typed = identifierIn(request.body)
  if (typed !== undefined) await typing?.onTyped(typed)
  // Anybody can send a link: the proof is for the account of whoever typed this.
  if (isFollowed && !typing?.expected) {
    run.unasked = true
    return request
  }
  if (isFollowed) request.headers.set(EXPECT_HEADER, typing!.expected!)
  if (mint) request.headers.set(PROOF_HEADER, await mint(await challenge?.()))
  return request
}

/** The e-mail address or phone number that a request sends. */
function identifierIn(body: unknown): string | undefined {
  const { email, phoneNumber } = readBody(body)
  const typed = email ?? phoneNumber
  return typeof typed === 'string' && typed !== '' ? typed : undefined
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
