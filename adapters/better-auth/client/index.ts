import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { AccountProvider, CallOptions } from '../../../lib/index.ts'
import type { LatchkeyAuthClient } from './auth-client.ts'
import { accountDevices } from './devices.ts'
import { isOpaque, readFailure } from './failures.ts'
import { type FetchPlugin, type ProofState, carryProof, carryWhile } from './proof-header.ts'
import type { InferredServerPlugin } from './server-plugin.ts'
import { createSessionEvents } from './session-events.ts'
import { challenge, exchange, known, look, prove, signOut, token, unlink } from './requests.ts'

export type { LatchkeyAuthClient, LatchkeyConnection } from './auth-client.ts'
import { betterAuthBackups } from './backups.ts'

export { betterAuthBackups }

type GetActions = NonNullable<BetterAuthClientPlugin['getActions']>

export type { InferredServerPlugin } from './server-plugin.ts'

/** Options of {@link latchkeyClient}. */
export interface LatchkeyClientOptions {
  /** Must equal the option of the server plugin: each proof needs a nonce, which costs one more request. */
  readonly requireNonce?: boolean
}

/** The account provider, and the account server's clock. */
export interface BetterAuthAccount extends AccountProvider {
  /**
   * Returns the account server's clock, in milliseconds since 1970.
   *
   * @throws {LatchkeyError} `OFFLINE`
   */
  getTime(options?: CallOptions): Promise<number>
}

/** The client plugin's exact type: a wider one would hide the other plugins' types from `createAuthClient`. */
export interface LatchkeyClientPlugin {
  readonly id: 'latchkey'
  /** A type only: the client infers the plugin's routes and the column `principal` from it. */
  readonly $InferServerPlugin: InferredServerPlugin
  /** Adds the proof. */
  fetchPlugins: FetchPlugin[]
  /** Adds `$latchkey`. */
  readonly getActions: (...args: Parameters<GetActions>) => LatchkeyAuthClient
}

/**
 * Creates the plugin for `createAuthClient`. While `auth.upgrade` runs, it adds a fresh proof to each POST under the
 * client's base URL. At any other time, and for any other URL, it does nothing.
 */
export function latchkeyClient({ requireNonce = false }: LatchkeyClientOptions = {}): LatchkeyClientPlugin {
  const proofState: ProofState = { current: null, last: null, events: createSessionEvents() }
  let baseURL = ''
  return {
    id: 'latchkey',
    $InferServerPlugin: {} as InferredServerPlugin,
    fetchPlugins: [carryProof(proofState, () => baseURL)],
    getActions(fetch, _store, options) {
      baseURL = resolveBaseURL(options)
      return { $latchkey: () => ({ fetch, baseURL, proofState, requireNonce }) }
    },
  }
}

/** As Better Auth resolves it: a path in `baseURL` takes precedence over `basePath`. */
function resolveBaseURL({ baseURL, basePath = '/api/auth' }: Parameters<GetActions>[2] & {} = {}): string {
  const url = new URL(baseURL ?? globalThis.location?.origin ?? 'http://localhost')
  const path = url.pathname === '/' ? basePath : url.pathname
  return `${url.origin}/${path.replace(/^\/+|\/+$/g, '')}`.replace(/\/$/, '')
}

/**
 * Uses Better Auth as the account provider of `createAuth`.
 *
 * @param client - made by `createAuthClient` with {@link latchkeyClient} among its plugins
 */
export function betterAuthAccount(client: LatchkeyAuthClient): BetterAuthAccount {
  const { fetch, baseURL, proofState, requireNonce } = client.$latchkey()
  const challengeFor = (purpose: 'upgrade' | 'exchange' | 'known', options?: CallOptions) =>
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
    isKnown: (mint, options) => known(fetch, async () => mint(await challengeFor('known', options)?.()), options),
    // A redirect that was not followed counts as a response, although without a body.
    readFailure: (outcome) =>
      proofState.last?.redirected && isOpaque(outcome) ? null : readFailure(outcome, proofState.last ?? {}),
    subscribe: proofState.events.subscribe,
    devices: accountDevices(fetch),
    backups: betterAuthBackups(client),
    signOut: (options) => signOut(fetch, options),
  }
}
