import type { BetterAuthClientPlugin } from 'better-auth/client'
import {
  type AccountSession,
  type CallOptions,
  type ExpectedAccount,
  LatchkeyError,
  isLatchkeyError,
} from '../../../lib/index.ts'
import { type Answer, type ErrorAnswer, readRetryAfter, toFailure } from './failures.ts'
import { EXPECT_HEADER, PROOF_HEADER } from './proof-header.ts'
import { OWN } from './session-events.ts'

// The plugin's own requests. Only a response in the server's own shape counts: a captive portal responds to everything.

/** The fetch of Better Auth's client. */
export type Fetch = Parameters<NonNullable<BetterAuthClientPlugin['getActions']>>[0]

/** Options of one request. */
export type FetchOptions = Omit<Parameters<Fetch>[1] & object, 'signal'> & CallOptions

/** The response of `GET /latchkey/session`. */
export interface SessionAnswer {
  readonly now: number
  readonly session: AccountSession | null
  /** Whether the session in question no longer exists; absent if the server cannot tell. */
  readonly isEnded?: boolean
}

/** Requests the current session. */
export async function look(
  fetch: Fetch,
  { peek = false, ended, signal }: CallOptions & { readonly peek?: boolean; readonly ended?: string } = {},
): Promise<SessionAnswer> {
  const query = { ...(peek && { peek: '1' }), ...(ended !== undefined && { ended }) }
  const text = new URLSearchParams(query).toString()
  const { data, error } = await send(fetch, `/latchkey/session${text && `?${text}`}`, { ...READ, signal })
  // The endpoint refuses no client: any other response comes from something in front of it.
  if (error && (error.status === 429 || error.status >= 500)) throw toFailure(error)
  if (isSessionAnswer(data)) return data
  throw foreign()
}

/** Bypasses the browser's cache: it would keep a token after the sign-out, for the next user. */
export const READ = { method: 'GET', cache: 'no-store' } as const

/** Returns a JWT of the account, or null if the server itself reports no session. */
export async function token(fetch: Fetch, { signal }: CallOptions = {}): Promise<string | null> {
  const { data, error } = await send(fetch, '/token', { ...READ, signal })
  const { token: jwt } = (data ?? {}) as { token?: unknown }
  if (typeof jwt === 'string' && jwt !== '') return jwt
  return withoutToken(fetch, error, signal)
}

/** True if the server itself reports no session. The status of another endpoint may come from something in front. */
async function isSignedOut(fetch: Fetch, signal: AbortSignal | undefined): Promise<boolean> {
  return (await look(fetch, { peek: true, signal })).session === null
}

/** Returns null if there is no token since there is no session. */
async function withoutToken(fetch: Fetch, error: ErrorAnswer | null, signal: AbortSignal | undefined): Promise<null> {
  const mayBeEnded = !error || error.status === 401 || error.status === 403 || error.code === 'SESSION_MISSING'
  if (mayBeEnded && (await isSignedOut(fetch, signal))) return null
  throw failureOf(error)
}

/** These endpoints themselves answer with 401 only without a session. */
function failureOf(error: ErrorAnswer | null): LatchkeyError {
  return !error || error.status === 401 ? foreign(error ?? undefined) : toFailure(error)
}

/** Calls an endpoint of the current session with a proof of the device's key. */
export async function prove(
  fetch: Fetch,
  act: 'bind' | 'link',
  mint: (nonce: string) => Promise<string>,
  { accountId, identifier, signal }: CallOptions & Partial<ExpectedAccount> = {},
): Promise<AccountSession> {
  const nonce = await challenge(fetch, act, { signal })
  const headers = { [PROOF_HEADER]: await mint(nonce), ...(identifier && { [EXPECT_HEADER]: identifier }) }
  const body = { nonce, accountId }
  return changed(await ask(fetch, `/latchkey/${act}`, { body, headers, redirect: 'manual', signal }))
}

/** Removes an alias from the current account. */
export async function unlink(fetch: Fetch, alias: string, { signal }: CallOptions = {}): Promise<AccountSession> {
  const nonce = await challenge(fetch, 'unlink', { signal })
  return changed(await ask(fetch, '/latchkey/unlink', { body: { nonce, alias }, signal }))
}

function changed(answer: unknown): AccountSession {
  if (!isSessionAnswer(answer)) throw foreign()
  if (!answer.session) throw new LatchkeyError('SESSION_MISSING')
  return answer.session
}

/** `grant_type` of RFC 8693 §2.1. */
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const SUBJECT_TYPE = 'urn:latchkey:params:oauth:token-type:'

/** Requests a token for an audience, with a device's proof or the current session. */
export async function exchange(
  fetch: Fetch,
  audience: string,
  mint: (() => Promise<string>) | null,
  { signal }: CallOptions = {},
): Promise<string | null> {
  const subject = mint
    ? { subject_token_type: `${SUBJECT_TYPE}proof`, subject_token: await mint() }
    : { subject_token_type: `${SUBJECT_TYPE}session` }
  const body = { grant_type: TOKEN_EXCHANGE, audience, ...subject }
  const { data, error } = await send(fetch, '/latchkey/token', { method: 'POST', body, redirect: 'manual', signal })
  const { access_token: jwt } = (data ?? {}) as { access_token?: unknown }
  if (typeof jwt === 'string') return jwt
  // A device's proof needs no session, so a missing session cannot be the reason.
  if (mint) throw failureOf(error)
  return withoutToken(fetch, error, signal)
}

/** Asks whether the principal of a device belongs to an account, or belonged to one. */
export async function known(fetch: Fetch, mint: () => Promise<string>, { signal }: CallOptions = {}): Promise<boolean> {
  const headers = { [PROOF_HEADER]: await mint() }
  const answer = await ask(fetch, '/latchkey/known', { body: {}, headers, redirect: 'manual', signal })
  const { isKnown } = (answer ?? {}) as { isKnown?: unknown }
  if (typeof isKnown !== 'boolean') throw foreign()
  return isKnown
}

type ChallengePurpose = 'bind' | 'link' | 'unlink' | 'upgrade' | 'exchange' | 'known' | 'backup'

/** Requests the nonce for one proof. */
export async function challenge(
  fetch: Fetch,
  purpose: ChallengePurpose,
  { signal }: CallOptions = {},
): Promise<string> {
  const answer = await ask(fetch, '/latchkey/challenge', { body: { purpose }, signal })
  const { nonce } = (answer ?? {}) as { nonce?: unknown }
  if (typeof nonce !== 'string') throw foreign()
  return nonce
}

/**
 * Ends the browser's session. If an admin impersonates a user there, the server ends the admin's own session, too.
 *
 * @param session - as `look` returned it
 */
export function signOut(fetch: Fetch, options?: SignOutOptions): Promise<void> {
  return signOutBy(fetch, '/sign-out', options)
}

/** Does the same under a name that no plugin of the client recognizes as a sign-out. */
export function endSession(fetch: Fetch, options?: SignOutOptions): Promise<void> {
  return signOutBy(fetch, '/latchkey/end-session', options)
}

type SignOutOptions = CallOptions & { readonly session?: Pick<AccountSession, 'id'> }

async function signOutBy(fetch: Fetch, path: string, { session, signal }: SignOutOptions = {}): Promise<void> {
  // An OpenID provider's own sign-out page would navigate away from the app, whenever this is delivered.
  const body = { disableRedirect: true, ...(session?.id !== undefined && { latchkeySession: session.id }) }
  const { data, error } = await send(fetch, path, { method: 'POST', body, signal })
  if (!error && (data as { success?: unknown } | null)?.success === true) return
  if (error?.status === 401 && (await isSignedOut(fetch, signal))) return
  throw failureOf(error)
}

/** Sends a request. Every response other than the expected one becomes an error. */
export async function ask(fetch: Fetch, path: string, options: FetchOptions): Promise<unknown> {
  const { data, error } = await send(fetch, path, { method: 'POST', ...options })
  if (!error) return data
  const failure = toFailure(error)
  if (failure.code !== 'PROVIDER_REFUSED') throw failure
  if (error.status === 401 && (await isSignedOut(fetch, options.signal)))
    throw new LatchkeyError('SESSION_MISSING', undefined, error)
  // The plugin's own refusals have a code.
  throw error.status === 401 || error.code === undefined ? foreign(error) : failure
}

async function send(fetch: Fetch, path: string, { signal, ...options }: FetchOptions): Promise<Answer> {
  let retryAfter: number | undefined
  const onResponse = ({ response }: { response: Response }): void => void (retryAfter = readRetryAfter(response))
  const marked = { ...options, [OWN]: true, onResponse, ...(signal && { signal }) }
  const { data, error } = (await fetch(path, marked).catch((cause: unknown) => {
    throw isLatchkeyError(cause) ? cause : new LatchkeyError('OFFLINE', undefined, cause)
  })) as Answer
  return { data, error: error && retryAfter !== undefined ? { ...error, retryAfter } : error }
}

export function foreign(cause?: unknown): LatchkeyError {
  return new LatchkeyError('OFFLINE', 'no response from the latchkey plugin', cause)
}

function isSessionAnswer(answer: unknown): answer is SessionAnswer {
  const { now, session } = (answer ?? {}) as Partial<SessionAnswer>
  return typeof now === 'number' && (session === null || isSession(session))
}

function isSession(session: unknown): session is AccountSession {
  const { accountId, principal, aliases, recoverable } = (session ?? {}) as Partial<AccountSession>
  return (
    typeof accountId === 'string' &&
    typeof principal === 'string' &&
    Array.isArray(aliases) &&
    typeof recoverable === 'boolean'
  )
}
