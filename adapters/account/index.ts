import {
  type AccountDevice,
  type AccountDevices,
  type AccountProvider,
  type AccountSession,
  type CallOptions,
  type DeviceRevocation,
  LatchkeyError,
  type LatchkeyErrorCode,
  isLatchkeyError,
  isNetworkError,
} from '../../lib/index.ts'

/** Options of {@link tokenAccount}. */
export interface TokenAccountOptions {
  /**
   * Returns a JWT of the provider that has not expired, from the provider's own client, which may have cached it; null
   * if no user is signed in. An error means that the provider cannot be reached.
   */
  readonly getToken: () => Promise<string | null> | string | null
  /** Ends the session at the provider. */
  readonly signOut: () => unknown
  /**
   * The URL of `createBinderHandler` of `latchkey/server` on your server, origin plus base path. It stores which
   * account has which principal. It is also `aud` of proofs.
   */
  readonly server: string
  /** Returns the failure in the result of `run`, if any. By default only an error thrown by `run` is a failure. */
  readonly readFailure?: (result: unknown) => unknown
  /** The header that carries the token to `server`, as in `createBinderHandler`. Defaults to `Authorization`. */
  readonly tokenHeader?: string
  /** Defaults to the global `fetch`. */
  readonly fetch?: typeof fetch
}

/**
 * Uses any provider that signs JWTs as the account provider of `createAuth`: Clerk, Auth0, Supabase, Firebase, WorkOS
 * and others. The provider's token is sent only to `server`, as a bearer token.
 *
 * @throws {TypeError} `server` is not a URL
 */
export function tokenAccount(options: TokenAccountOptions): AccountProvider {
  const { getToken, signOut, readFailure } = options
  const audience = new URL(options.server).href.replace(/\/$/, '')
  const ask = asker(options, audience)
  return {
    audience,
    async getSession({ peek = false, signal } = {}) {
      try {
        return (await look(ask, peek, signal)).session
      } catch (error) {
        // The refusal of any other token says nothing: only the provider knows whether its session exists. A session
        // that the user revoked on another device counts as ended, although the provider may not know it.
        if (isLatchkeyError(error, 'TOKEN_NOT_AN_ACCOUNT') || isLatchkeyError(error, 'SESSION_REVOKED')) return null
        throw error
      }
    },
    getTime: async ({ signal } = {}) => (await look(ask, true, signal)).now,
    getToken: () => tokenOf(getToken),
    isTokenOf: (payload, { accountId }) => accountId === accountIdOf(payload),
    // Requests of the provider's own client need no proof: they do not go to `server`.
    withProof: async (_mint, run) => ({ result: await run(), sent: true }),
    bind: (prove, { accountId, signal } = {}) => proven(ask, '/bind', prove, { accountId, signal }),
    link: (prove, { signal } = {}) => proven(ask, '/link', prove, { signal }),
    async unlink(alias, { signal } = {}) {
      const nonce = await challenge(ask, 'unlink', signal)
      return changed(await ask('/unlink', { body: { nonce, alias }, signal }))
    },
    async exchange(audience, prove, { signal } = {}) {
      const subject = prove ? await prove() : await tokenOf(getToken)
      if (subject === null) return null
      const body = {
        ...EXCHANGE,
        audience,
        subject_token_type: SUBJECT_TYPES[prove ? 'proof' : 'token'],
        subject_token: subject,
      }
      const answer = await ask('/token', { body, signal, isAnonymous: true })
      const { access_token: jwt } = (answer ?? {}) as { access_token?: unknown }
      if (typeof jwt !== 'string') throw foreign()
      return jwt
    },
    devices: accountDevices(ask),
    async isKnown(prove, { signal } = {}) {
      const answer = await ask('/known', { body: { proof: await prove() }, signal, isAnonymous: true })
      const { isKnown } = (answer ?? {}) as { isKnown?: unknown }
      if (typeof isKnown !== 'boolean') throw foreign()
      return isKnown
    },
    readFailure(outcome) {
      if (isLatchkeyError(outcome)) return outcome
      if (isNetworkError(outcome)) return new LatchkeyError('OFFLINE', undefined, outcome)
      // An error that only a bug in the app throws does not come from the provider.
      if (/^(Type|Reference|Range|Syntax)Error$/.test((outcome as Error | null | undefined)?.name ?? '')) return null
      const failure = outcome instanceof Error ? outcome : readFailure?.(outcome)
      return failure ? new LatchkeyError('PROVIDER_REFUSED', undefined, failure) : null
    },
    async signOut() {
      await reached(async () => signOut())
    },
  }
}

/** The grant of RFC 8693 §2.1. */
const EXCHANGE = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' }
const SUBJECT_TYPES = {
  proof: 'urn:latchkey:params:oauth:token-type:proof',
  token: 'urn:ietf:params:oauth:token-type:jwt',
} as const

/** The response of `server`. */
interface SessionAnswer {
  /** The server's clock, in milliseconds since 1970. */
  readonly now: number
  readonly session: AccountSession | null
}

/** Returns the id of a token's account, in the form that `server` uses. */
function accountIdOf({ iss, sub }: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([iss, sub])
}

interface AskOptions extends CallOptions {
  readonly body?: object
  /** Sends no token: the body identifies the caller. */
  readonly isAnonymous?: boolean
}

type Ask = (path: string, options: AskOptions) => Promise<unknown>

async function challenge(ask: Ask, purpose: 'bind' | 'link' | 'unlink', signal?: AbortSignal): Promise<string> {
  const answer = await ask('/challenge', { body: { purpose }, signal })
  const { nonce } = (answer ?? {}) as { nonce?: unknown }
  if (typeof nonce !== 'string') throw foreign()
  return nonce
}

/** Calls a route of the current account with a proof of the device's key. */
async function proven(
  ask: Ask,
  path: '/bind' | '/link',
  prove: (nonce: string) => Promise<string>,
  { accountId, signal }: CallOptions & { readonly accountId?: string | undefined },
): Promise<AccountSession> {
  const nonce = await challenge(ask, path === '/bind' ? 'bind' : 'link', signal)
  return changed(await ask(path, { body: { nonce, proof: await prove(nonce), accountId }, signal }))
}

function accountDevices(ask: Ask): AccountDevices {
  const post = (act: string, body: object, signal: AbortSignal | undefined): Promise<unknown> =>
    ask(`/devices/${act}`, { body, signal })
  return {
    async list({ accountId, signal }) {
      const answer = await ask(`/devices?${new URLSearchParams({ accountId })}`, { signal })
      const { devices } = (answer ?? {}) as { devices?: unknown }
      if (!Array.isArray(devices) || !devices.every(isDevice)) throw foreign()
      return devices
    },
    async rename(id, name, { accountId, signal }) {
      const answer = await post('rename', { id, name, accountId }, signal)
      if ((answer as { status?: unknown } | null)?.status !== true) throw foreign()
    },
    revoke: async (id, { accountId, signal }) => revoked(await post('revoke', { id, accountId }, signal)),
    revokeOthers: async ({ accountId, signal }) => revoked(await post('revoke-others', { accountId }, signal)),
  }
}

function isDevice(device: unknown): device is AccountDevice {
  const { id, name, isCurrent } = (device ?? {}) as Partial<AccountDevice>
  return typeof id === 'string' && typeof name === 'string' && typeof isCurrent === 'boolean'
}

function revoked(answer: unknown): DeviceRevocation {
  const { sessions, keys } = (answer ?? {}) as Partial<DeviceRevocation>
  if (typeof sessions !== 'number' || typeof keys !== 'string') throw foreign()
  return { sessions, keys }
}

function changed(answer: unknown): AccountSession {
  if (!isSessionAnswer(answer) || !answer.session) throw foreign()
  return answer.session
}

async function look(ask: Ask, peek: boolean, signal: AbortSignal | undefined): Promise<SessionAnswer> {
  const answer = await ask(`/session${peek ? '?peek=1' : ''}`, { signal })
  if (!isSessionAnswer(answer)) throw foreign()
  return answer
}

function isSessionAnswer(answer: unknown): answer is SessionAnswer {
  const { now, session } = (answer ?? {}) as Partial<SessionAnswer>
  return typeof now === 'number' && (session === null || isSession(session))
}

function isSession(session: unknown): session is AccountSession {
  const { accountId, principal, aliases, recoverable } = (session ?? {}) as Partial<AccountSession>
  const isAccount = typeof accountId === 'string' && typeof principal === 'string'
  return isAccount && Array.isArray(aliases) && typeof recoverable === 'boolean'
}

/** Something in front of `server` answered: a captive portal, for instance. */
function foreign(detail = 'no answer from the binder'): LatchkeyError {
  return new LatchkeyError('OFFLINE', detail)
}

/** A refusal of `server`. */
interface Refusal {
  readonly code?: unknown
  /** The server's clock, which is in each of its responses. A gateway's response may have a `code`, but not this. */
  readonly now?: unknown
  /** The exchange has this instead of `now` (RFC 6749 §5.2). */
  readonly error?: unknown
}

/** True if `server` itself says that the request had no token. */
function isWithoutToken(answer: Refusal | null): boolean {
  if (isSessionAnswer(answer)) return answer.session === null
  return typeof answer?.now === 'number' && answer.code === 'CREDENTIAL_MISSING'
}

function asker({ getToken, tokenHeader = 'authorization', fetch: given }: TokenAccountOptions, server: string): Ask {
  return async (path, { body, signal, isAnonymous = false }) => {
    const token = isAnonymous ? null : await tokenOf(getToken)
    const headers = {
      ...(token !== null && { [tokenHeader]: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    }
    const init: RequestInit = {
      method: body ? 'POST' : 'GET',
      headers,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      ...(signal && { signal }),
      ...(body && { body: JSON.stringify(body) }),
    }
    const response = await reached(() => (given ?? fetch)(`${server}${path}`, init))
    const answer = (await response.json().catch(() => null)) as Refusal | null
    if (token !== null && isWithoutToken(answer))
      throw foreign('the token did not reach the binder: if a proxy removes its header, set tokenHeader')
    if (response.ok) return answer
    throw toFailure(path, response.status, answer ?? {})
  }
}

function tokenOf(getToken: TokenAccountOptions['getToken']): Promise<string | null> {
  return reached(async () => (await getToken()) || null)
}

/** A failed request says nothing about the session. */
async function reached<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    throw isLatchkeyError(error) ? error : new LatchkeyError('OFFLINE', undefined, error)
  }
}

/** Refusals of `server` that the app has to know; it explains others to the user as a refusal. */
const OWN_CODES =
  /^(PRINCIPAL|PROOF|TOKEN|ISSUER|ACCOUNT|ALIAS|ALIASES|DELEGATION|DEVICE)_|^SESSION_(MISSING|NOT_FRESH|REVOKED)$/

function toFailure(path: string, status: number, { code, now, error }: Refusal): LatchkeyError {
  const isOwn = typeof code === 'string' && (typeof now === 'number' || typeof error === 'string')
  if (isOwn && code === 'CREDENTIAL_MISSING') return new LatchkeyError('SESSION_MISSING')
  if (isOwn && code === 'NOT_FOUND' && path.startsWith('/devices')) return new LatchkeyError('DEVICES_UNSUPPORTED')
  if (isOwn && OWN_CODES.test(code)) return new LatchkeyError(code as LatchkeyErrorCode)
  if (status === 429) return new LatchkeyError('PROVIDER_LIMITED')
  if (status >= 500) return new LatchkeyError('PROVIDER_FAILED')
  return isOwn ? new LatchkeyError('PROVIDER_REFUSED', undefined, { status, code }) : foreign()
}
