import { LatchkeyError } from '../../errors.ts'
import { decodeBase64url, encodeBase64url, utf8 } from '../../identity/encoding.ts'
import { parseObject } from '../../tokens/decode.ts'
import { createSecretCheck } from './constant-time.ts'
import { type OptionNames, checkOptionNames } from '../../option-names.ts'
import type { IncomingRequest } from '../request.ts'
import { isAliasList, isPrincipal, ownedSession } from '../session.ts'
import type { OwnedSession, ServerSession } from '../types.ts'

/** The names of the two headers with which a backend impersonates a principal. */
export interface BackendHeaders {
  /** Header for the backend secret. */
  readonly secret: string
  /** Header for the session: base64 of its JSON. */
  readonly session: string
}

/** Latchkey's own impersonation headers. */
export const LATCHKEY_BACKEND_HEADERS: BackendHeaders = Object.freeze({
  secret: 'x-latchkey-backend-secret',
  session: 'x-latchkey-session',
})

/** The impersonation headers of Jazz's clients, whose session has `user_id` and `auth_mode`. */
export const JAZZ_BACKEND_HEADERS: BackendHeaders = Object.freeze({
  secret: 'x-jazz-backend-secret',
  session: 'x-jazz-session',
})

/** A backend that may impersonate any principal. */
export interface BackendOptions {
  /** 32 to 1024 visible ASCII characters. A list while the secret is being rotated. */
  readonly secret: string | readonly string[]
  /** Pairs of header names. Defaults to {@link LATCHKEY_BACKEND_HEADERS}. */
  readonly headers?: BackendHeaders | readonly BackendHeaders[]
}

/** The session that a backend writes into the header. */
export interface ImpersonatedSession {
  readonly principal: string
  /** The principal, then its aliases. */
  readonly principals?: readonly string[]
  /** Defaults to `external`. */
  readonly authMode?: 'external' | 'local-first'
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Reads the impersonation headers. */
export interface BackendSource {
  /** Returns true if one of the headers is present: then they alone decide about the request. */
  isAttempt(request: IncomingRequest): boolean
  /**
   * Verifies the secret and returns the session.
   *
   * @throws {LatchkeyError} `BACKEND_*`
   */
  read(request: IncomingRequest): Promise<ServerSession>
}

const BACKEND_OPTIONS: OptionNames<BackendOptions> = { secret: true, headers: true }
const MIN_SECRET_CHARACTERS = 32
const MAX_SECRET_CHARACTERS = 1024
const MAX_SESSION_CHARACTERS = 16_384

/**
 * Returns the headers with which a backend impersonates a principal, for a server with {@link BackendOptions}. Never
 * send them from a web page.
 *
 * @param secret - the backend secret
 * @param session - the session to act for, such as one that the backend has resolved
 * @param names - the header names. Defaults to {@link LATCHKEY_BACKEND_HEADERS}
 * @throws {TypeError} the session is anonymous
 */
export function backendHeaders(
  secret: string,
  session: ImpersonatedSession | ServerSession,
  names: BackendHeaders = LATCHKEY_BACKEND_HEADERS,
): Record<string, string> {
  const { principal, principals, authMode, claims } = session
  if (!isPrincipal(principal)) throw new TypeError('backendHeaders: an anonymous session has no principal to act for')
  const json = utf8(JSON.stringify({ principal, principals, authMode, claims }))
  return { [names.secret]: secret, [names.session]: encodeBase64url(json) }
}

/** @throws {TypeError} an option is invalid */
export function createBackendSource(options: BackendOptions | undefined): BackendSource {
  if (options) checkOptionNames('backend.', options, BACKEND_OPTIONS)
  const pairs = [options?.headers ?? LATCHKEY_BACKEND_HEADERS].flat().map(readNames)
  const isGenuine = options && createSecretCheck(readSecrets(options.secret))
  const isThere = (request: IncomingRequest, { secret, session }: BackendHeaders): boolean =>
    request.header(secret) !== null || request.header(session) !== null
  return {
    isAttempt: (request) => pairs.some((pair) => isThere(request, pair)),
    async read(request) {
      if (!isGenuine) throw new LatchkeyError('BACKEND_DISABLED')
      if (request.isFromBrowser) throw new LatchkeyError('BACKEND_FROM_BROWSER')
      const [pair, another] = pairs.filter((names) => isThere(request, names))
      const secret = pair && request.header(pair.secret)
      const session = pair && request.header(pair.session)
      if (another || typeof secret !== 'string' || typeof session !== 'string')
        throw new LatchkeyError('BACKEND_HEADERS_INVALID')
      if (secret.length > MAX_SECRET_CHARACTERS || !(await isGenuine(secret)))
        throw new LatchkeyError('BACKEND_SECRET_WRONG')
      return readSession(session)
    },
  }
}

function readNames({ secret, session }: BackendHeaders): BackendHeaders {
  const names = { secret: secret.toLowerCase(), session: session.toLowerCase() }
  const isMeant =
    Object.values(names).every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)) && names.secret !== names.session
  if (!isMeant) throw new TypeError('backend.headers: expected two different header names')
  return names
}

function readSecrets(secret: BackendOptions['secret']): readonly string[] {
  const secrets = [secret].flat()
  // Characters that a header cannot carry unchanged would never match, or only through some proxies.
  const isMeant = (text: unknown): boolean =>
    typeof text === 'string' &&
    text.length >= MIN_SECRET_CHARACTERS &&
    text.length <= MAX_SECRET_CHARACTERS &&
    /^[!-~]+$/.test(text)
  if (secrets.length === 0 || !secrets.every(isMeant))
    throw new TypeError('backend.secret: expected 32 to 1024 visible ASCII characters')
  return secrets
}

function readSession(text: string): OwnedSession {
  const { principal, user_id: userId, principals, authMode, auth_mode: wireMode, claims = {} } = parseSession(text)
  const owner = principal ?? userId
  const mode = authMode ?? wireMode ?? 'external'
  const all = principals ?? [owner]
  const isMeant =
    (principal === undefined || userId === undefined) &&
    (authMode === undefined || wireMode === undefined) &&
    isPrincipal(owner) &&
    Array.isArray(all) &&
    all[0] === owner &&
    isAliasList(all.slice(1)) &&
    (mode === 'external' || mode === 'local-first') &&
    typeof claims === 'object' &&
    claims !== null &&
    !Array.isArray(claims)
  if (!isMeant) throw new LatchkeyError('BACKEND_SESSION_INVALID')
  return ownedSession(mode, owner, all.slice(1), claims)
}

function parseSession(text: string): Record<string, unknown> {
  if (text.length > MAX_SESSION_CHARACTERS) throw new LatchkeyError('BACKEND_SESSION_INVALID')
  try {
    // Jazz uses the standard base64 alphabet with padding.
    return parseObject(
      decodeBase64url(
        text
          .replace(/={1,2}$/, '')
          .replaceAll('+', '-')
          .replaceAll('/', '_'),
      ),
    )
  } catch {
    throw new LatchkeyError('BACKEND_SESSION_INVALID')
  }
}
