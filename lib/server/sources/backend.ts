import { LatchkeyError } from '../../errors.ts'
import { decodeBase64url, encodeBase64url } from '../../identity/base64url.ts'
import { parseObject } from '../../tokens/decode.ts'
import { createSecretCheck } from './constant-time.ts'
import type { IncomingRequest } from '../request.ts'
import { isAliasList, isPrincipal, ownedSession } from '../session.ts'
import type { OwnedSession, ServerSession } from '../types.ts'

/** The two headers by which a backend speaks for somebody. */
export interface BackendHeaders {
  /** Carries the backend secret. */
  readonly secret: string
  /** Carries the session: base64 of its JSON. */
  readonly session: string
}

/** Latchkey's own headers of impersonation. */
export const LATCHKEY_BACKEND_HEADERS: BackendHeaders = Object.freeze({
  secret: 'x-latchkey-backend-secret',
  session: 'x-latchkey-session',
})

/** The headers of impersonation that Jazz's clients send; their session says `user_id` and `auth_mode`. */
export const JAZZ_BACKEND_HEADERS: BackendHeaders = Object.freeze({
  secret: 'x-jazz-backend-secret',
  session: 'x-jazz-session',
})

/** A backend that may speak for anybody. */
export interface BackendOptions {
  /** At least 32 characters that a header can carry; several while the secret is being changed. */
  readonly secret: string | readonly string[]
  /** Pairs of header names. Defaults to {@link LATCHKEY_BACKEND_HEADERS}. */
  readonly headers?: BackendHeaders | readonly BackendHeaders[]
}

/** Who a backend may speak for, as it writes it into the header. */
export interface ImpersonatedSession {
  readonly principal: string
  /** The principal itself, then the aliases. */
  readonly principals?: readonly string[]
  /** Defaults to `external`. */
  readonly authMode?: 'external' | 'local-first'
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Reads the headers of impersonation. */
export interface BackendSource {
  /** One of the headers is there: the request is judged by them, and by nothing else. */
  isAttempt(request: IncomingRequest): boolean
  /** @throws {LatchkeyError} `BACKEND_*` */
  read(request: IncomingRequest): Promise<ServerSession>
}

const SHORTEST_SECRET = 32
const LONGEST_SECRET = 1024
const LONGEST_SESSION = 16_384

/**
 * The headers by which a backend speaks for somebody, for {@link BackendOptions} on the other side. Never send them
 * from a page.
 *
 * @param secret - the backend secret
 * @param session - who to speak for, such as the session that the backend itself resolved
 * @param names - the names of the headers. Defaults to {@link LATCHKEY_BACKEND_HEADERS}
 * @throws {TypeError} the session is nobody's
 */
export function backendHeaders(
  secret: string,
  session: ImpersonatedSession | ServerSession,
  names: BackendHeaders = LATCHKEY_BACKEND_HEADERS,
): Record<string, string> {
  const { principal, principals, authMode, claims } = session
  if (!isPrincipal(principal)) throw new TypeError('backendHeaders: an anonymous session has nobody to speak for')
  const json = new TextEncoder().encode(JSON.stringify({ principal, principals, authMode, claims }))
  return { [names.secret]: secret, [names.session]: encodeBase64url(json) }
}

/** @throws {TypeError} an option is invalid */
export function createBackendSource(options: BackendOptions | undefined): BackendSource {
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
      if (secret.length > LONGEST_SECRET || !(await isGenuine(secret))) throw new LatchkeyError('BACKEND_SECRET_WRONG')
      return readSession(session)
    },
  }
}

function readNames({ secret, session }: BackendHeaders): BackendHeaders {
  const names = { secret: secret.toLowerCase(), session: session.toLowerCase() }
  const isMeant =
    Object.values(names).every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)) && names.secret !== names.session
  if (!isMeant) throw new TypeError('backend.headers: expected two names of headers')
  return names
}

function readSecrets(secret: BackendOptions['secret']): readonly string[] {
  const secrets = [secret].flat()
  // What a header cannot carry as it is would never fit, or fit only through some proxies.
  const isMeant = (text: unknown): boolean =>
    typeof text === 'string' && text.length >= SHORTEST_SECRET && text.length <= LONGEST_SECRET && /^[!-~]+$/.test(text)
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
  if (text.length > LONGEST_SESSION) throw new LatchkeyError('BACKEND_SESSION_INVALID')
  try {
    // Jazz writes the standard alphabet with padding.
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
