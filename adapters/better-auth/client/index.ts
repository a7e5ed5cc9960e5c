import type { BetterAuthClientPlugin } from 'better-auth/client'
import {
  type AccountProvider,
  type AccountSession,
  type ExpectedAccount,
  LatchkeyError,
  type LatchkeyErrorCode,
  isLatchkeyError,
} from '../../../lib/index.ts'
import {
  EXPECT_HEADER,
  IDLE_PROOF,
  type FetchPlugin,
  PROOF_HEADER,
  type ProofState,
  carryProof,
} from './proof-header.ts'

type GetActions = NonNullable<BetterAuthClientPlugin['getActions']>
type Fetch = Parameters<GetActions>[0]

/** Passed from the client plugin to {@link betterAuthAccount}. */
export interface LatchkeyConnection {
  readonly fetch: Fetch
  readonly baseURL: string
  readonly proofState: ProofState
  readonly requireNonce: boolean
}

/** Options of {@link latchkeyClient}. */
export interface LatchkeyClientOptions {
  /** Must equal the option of the server plugin: each proof needs a nonce, which costs one more request. */
  readonly requireNonce?: boolean
}

/** The part of the Better Auth client that is used. */
export interface LatchkeyAuthClient {
  /** Added by {@link latchkeyClient}. */
  $latchkey(): LatchkeyConnection
}

/** The account provider, and the account server's clock. */
export interface BetterAuthAccount extends AccountProvider {
  /**
   * Returns the account server's clock, in milliseconds since 1970.
   *
   * @throws {LatchkeyError} `OFFLINE`
   */
  getTime(): Promise<number>
}

/** The client plugin's exact type: a wider one would hide the other plugins' types from `createAuthClient`. */
export interface LatchkeyClientPlugin {
  readonly id: 'latchkey'
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
  const proofState: ProofState = { ...IDLE_PROOF }
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
  const challengeFor = (purpose: 'upgrade' | 'exchange') => (requireNonce ? () => challenge(fetch, purpose) : null)
  return {
    audience: baseURL,
    getSession: async ({ peek } = {}) => (await look(fetch, peek)).session,
    getTime: async () => (await look(fetch)).now,
    getToken: async () => (await get<{ token: string }>(fetch, '/token'))?.token ?? null,
    async withProof(mint, run, typing) {
      Object.assign(proofState, IDLE_PROOF, { mint, challenge: challengeFor('upgrade'), typing, running: true })
      try {
        const result = await run()
        const { sent, unasked, signedIn } = proofState
        return { result, sent, unasked, signedIn }
      } finally {
        Object.assign(proofState, { mint: null, challenge: null, typing: undefined, running: false })
      }
    },
    bind: (prove, expected) => proven(fetch, 'bind', prove, expected),
    link: (prove) => proven(fetch, 'link', prove),
    unlink: (alias) => unlink(fetch, alias),
    exchange: (audience, prove) =>
      exchange(fetch, audience, prove && (async () => prove(await challengeFor('exchange')?.()))),
    // A redirect that was not followed counts as a response, although without a body.
    readFailure: (outcome) => (proofState.redirected && isOpaque(outcome) ? null : readFailure(outcome)),
    async signOut() {
      // An OpenID provider's own sign-out page would navigate away from the app, whenever this is delivered.
      await request(fetch, '/sign-out', { method: 'POST', body: { disableRedirect: true } })
    },
  }
}

/** The response of `GET /latchkey/session`. */
interface SessionAnswer {
  readonly now: number
  readonly session: AccountSession | null
}

async function look(fetch: Fetch, peek = false): Promise<SessionAnswer> {
  const answer = await get<SessionAnswer>(fetch, `/latchkey/session${peek ? '?peek=1' : ''}`)
  // The endpoint always responds with `now`: any other response comes from something in front of it.
  if (typeof answer?.now !== 'number') throw new LatchkeyError('OFFLINE', 'no response from the latchkey plugin')
  return answer
}

/** Calls an endpoint of the current session with a proof of the device's key. */
async function proven(
  fetch: Fetch,
  act: 'bind' | 'link',
  prove: (nonce: string) => Promise<string>,
  { accountId, identifier }: Partial<ExpectedAccount> = {},
): Promise<AccountSession> {
  const nonce = await challenge(fetch, act)
  const headers = { [PROOF_HEADER]: await prove(nonce), ...(identifier && { [EXPECT_HEADER]: identifier }) }
  const { session } = (await ask(fetch, `/latchkey/${act}`, {
    method: 'POST',
    body: { nonce, accountId },
    headers,
    redirect: 'manual',
  })) as SessionAnswer
  return session!
}

async function unlink(fetch: Fetch, alias: string): Promise<AccountSession> {
  const nonce = await challenge(fetch, 'unlink')
  const { session } = (await ask(fetch, '/latchkey/unlink', {
    method: 'POST',
    body: { nonce, alias },
  })) as SessionAnswer
  return session!
}

/** `grant_type` of RFC 8693 §2.1. */
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const SUBJECT_TYPE = 'urn:latchkey:params:oauth:token-type:'

/** Requests a token for an audience, with a device's proof or the current session. */
async function exchange(fetch: Fetch, audience: string, prove: (() => Promise<string>) | null): Promise<string | null> {
  const subject = prove
    ? { subject_token_type: `${SUBJECT_TYPE}proof`, subject_token: await prove() }
    : { subject_token_type: `${SUBJECT_TYPE}session` }
  const { data, error } = await send(fetch, '/latchkey/token', {
    method: 'POST',
    body: { grant_type: TOKEN_EXCHANGE, audience, ...subject },
    redirect: 'manual',
  })
  if (error?.code === 'SESSION_MISSING') return null
  if (error) throw toFailure(error)
  return (data as { access_token: string }).access_token
}

type ChallengePurpose = 'bind' | 'link' | 'unlink' | 'upgrade' | 'exchange'

async function challenge(fetch: Fetch, purpose: ChallengePurpose): Promise<string> {
  const { nonce } = (await ask(fetch, '/latchkey/challenge', { method: 'POST', body: { purpose } })) as {
    nonce: string
  }
  return nonce
}

interface Answer {
  readonly data: unknown
  readonly error: { readonly status: number; readonly code?: string; readonly message?: string } | null
}

/** Bypasses the browser's cache: it would keep a token after the sign-out, for the next user. */
async function get<Data>(fetch: Fetch, path: string): Promise<Data | null> {
  return (await request(fetch, path, { method: 'GET', cache: 'no-store' })) as Data | null
}

/** Resolves to null if the server reports no session; every other failure means that it cannot be reached. */
async function request(fetch: Fetch, path: string, options: Parameters<Fetch>[1]): Promise<unknown> {
  const { data, error } = await send(fetch, path, options)
  if (!error) return data
  if (error.status === 401 || error.status === 403) return null
  throw toFailure(error)
}

/** Sends a request. Every response other than the expected one becomes an error. */
async function ask(fetch: Fetch, path: string, options: Parameters<Fetch>[1]): Promise<unknown> {
  const { data, error } = await send(fetch, path, options)
  if (error) throw toFailure(error)
  return data
}

async function send(fetch: Fetch, path: string, options: Parameters<Fetch>[1]): Promise<Answer> {
  return (await fetch(path, options).catch(unreachable)) as Answer
}

function isOpaque(outcome: unknown): boolean {
  const { error } = (outcome ?? {}) as Partial<Answer>
  return error?.status === 0
}

function unreachable(cause: unknown): never {
  throw new LatchkeyError('OFFLINE', undefined, cause)
}

function readFailure(outcome: unknown): LatchkeyError | null {
  if (isLatchkeyError(outcome)) return outcome
  // The error that `fetch` throws without a network.
  if (outcome instanceof TypeError) return new LatchkeyError('OFFLINE', undefined, outcome)
  const { error } = (outcome ?? {}) as Partial<Answer>
  return error ? toFailure(error) : null
}

function toFailure(error: NonNullable<Answer['error']>): LatchkeyError {
  const { status, code = '' } = error
  if (/^(PRINCIPAL|PROOF|TOKEN|DELEGATION|KEY|ACCOUNT|LINK|ALIAS|ALIASES|USER_ID)_/.test(code))
    return new LatchkeyError(code as LatchkeyErrorCode)
  return new LatchkeyError(
    status === 429 || status >= 500 || !status ? 'OFFLINE' : 'PROVIDER_REFUSED',
    undefined,
    error,
  )
}
