import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { AccountProvider, CallOptions } from '../../../lib/index.ts'
import { isOpaque, readFailure } from './failures.ts'
import { type FetchPlugin, type ProofState, carryProof, carryWhile } from './proof-header.ts'
import { type Fetch, challenge, exchange, look, prove, signOut, token, unlink } from './requests.ts'

type GetActions = NonNullable<BetterAuthClientPlugin['getActions']>

/** What the client plugin hands to {@link betterAuthAccount}. */
export interface LatchkeyConnection {
  readonly fetch: Fetch
  readonly baseURL: string
  readonly proofState: ProofState
  readonly requireNonce: boolean
}

/** Options of {@link latchkeyClient}. */
export interface LatchkeyClientOptions {
  /** The plugin on the server says the same: each proof needs a nonce, which one request more gets. */
  readonly requireNonce?: boolean
}

/** The Better Auth client, as far as it is needed here. */
export interface LatchkeyAuthClient {
  /** Added by {@link latchkeyClient}. */
  $latchkey(): LatchkeyConnection
}

/** The account provider, and the account server's clock. */
export interface BetterAuthAccount extends AccountProvider {
  /**
   * The account server's clock, milliseconds since 1970.
   *
   * @throws {LatchkeyError} `OFFLINE`
   */
  getTime(options?: CallOptions): Promise<number>
}

/** The client plugin's own shape: anything wider would hide the other plugins' types from `createAuthClient`. */
export interface LatchkeyClientPlugin {
  readonly id: 'latchkey'
  /** Adds the proof. */
  fetchPlugins: FetchPlugin[]
  /** Adds `$latchkey`. */
  readonly getActions: (...args: Parameters<GetActions>) => LatchkeyAuthClient
}

/**
 * The plugin for `createAuthClient`. While `auth.upgrade` runs it adds a fresh proof to each POST under the client's
 * base URL; at any other time, and for any other address, it does nothing.
 */
export function latchkeyClient({ requireNonce = false }: LatchkeyClientOptions = {}): LatchkeyClientPlugin {
  const proofState: ProofState = { current: null, last: null }
  let baseURL = ''
  return {
    id: 'latchkey',
    fetchPlugins: [carryProof(proofState, () => baseURL)],
    getActions(fetch, _store, options) {
      baseURL = resolveBaseURL(options)
      return { $latchkey: () => ({ fetch, baseURL, proofState, requireNonce }) }
    },
  }
}

/** As Better Auth resolves it: a path in `baseURL` wins over `basePath`. */
function resolveBaseURL({ baseURL, basePath = '/api/auth' }: Parameters<GetActions>[2] & {} = {}): string {
  const url = new URL(baseURL ?? globalThis.location?.origin ?? 'http://localhost')
  const path = url.pathname === '/' ? basePath : url.pathname
  return `${url.origin}/${path.replace(/^\/+|\/+$/g, '')}`.replace(/\/$/, '')
}

/**
 * Better Auth as the account provider of `createAuth`.
 *
 * @param client - made by `createAuthClient` with {@link latchkeyClient} among its plugins
 */
export function betterAuthAccount(client: LatchkeyAuthClient): BetterAuthAccount {
  const { fetch, baseURL, proofState, requireNonce } = client.$latchkey()
  const challengeFor = (purpose: 'upgrade' | 'exchange', options?: CallOptions) =>
    requireNonce ? () => challenge(fetch, purpose, options) : null
  return {
    audience: baseURL,
    getSession: async (options) => (await look(fetch, options)).session,
    isEnded: async (ended, options) => (await look(fetch, { ...options, peek: true, ended })).isEnded === true,
    getTime: async (options) => (await look(fetch, { ...options, peek: true })).now,
    getToken: (options) => token(fetch, options),
    withProof: (mint, run, typing) =>
      carryWhile(proofState, { mint, challenge: challengeFor('upgrade', { signal: typing?.signal }), typing }, run),
    bind: (mint, options) => prove(fetch, 'bind', mint, options),
    link: (mint, options) => prove(fetch, 'link', mint, options),
    unlink: (alias, options) => unlink(fetch, alias, options),
    exchange: (audience, mint, options) =>
      exchange(fetch, audience, mint && (async () => mint(await challengeFor('exchange', options)?.())), options),
    // A redirect that was not followed is an answer, though without a body.
    readFailure: (outcome) =>
      proofState.last?.redirected && isOpaque(outcome) ? null : readFailure(outcome, proofState.last ?? {}),
    signOut: (options) => signOut(fetch, options),
  }
}
