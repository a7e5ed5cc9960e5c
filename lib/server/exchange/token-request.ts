import { ERROR_TABLE } from '../../error-table.ts'
import { type LatchkeyErrorCode, isLatchkeyError } from '../../errors.ts'

/** `grant_type` of RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Accepted values of `subject_token_type`, and the kind of subject. */
export const SUBJECT_TYPES = {
  /** A device's proof with purpose `exchange`. */
  'urn:latchkey:params:oauth:token-type:proof': 'device',
  /** The account server's own session, by cookie or `Authorization`; then there is no `subject_token`. */
  'urn:latchkey:params:oauth:token-type:session': 'session',
  /** Another provider's JWT (RFC 8693 §3). */
  'urn:ietf:params:oauth:token-type:jwt': 'external',
} as const

/** `issued_token_type`; besides the JWT type the only `requested_token_type`. */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** A validated token request. */
export interface TokenRequest {
  readonly kind: (typeof SUBJECT_TYPES)[keyof typeof SUBJECT_TYPES]
  /** Empty for a session. */
  readonly subjectToken: string
  readonly audience: string
}

type OAuthError =
  | 'invalid_request'
  | 'invalid_target'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'

/** A refused token request: what the response has. */
export class OAuthRefusal extends Error {
  readonly status: 400 | 429 | 503
  readonly body: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>

  constructor(status: OAuthRefusal['status'], body: OAuthRefusal['body'], headers: OAuthRefusal['headers'] = NOT_KEPT) {
    super(body['error_description'])
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** Creates an error response as in RFC 6749 §5.2, with Latchkey's own code if there is one. */
export function oauthError(error: OAuthError, description: string, code?: LatchkeyErrorCode): OAuthRefusal {
  const { state, status } = code ? ERROR_TABLE[code] : {}
  return new OAuthRefusal(status === 503 ? 503 : 400, {
    error,
    error_description: description,
    code: code ?? error.toUpperCase(),
    message: description,
    ...(state && { state }),
  })
}

/** Every problem of the subject token is the same OAuth error (RFC 8693 §2.2.2); the code is specific. */
export function refusedFor(code: LatchkeyErrorCode): OAuthRefusal {
  const error = code === 'KEYS_UNAVAILABLE' ? 'temporarily_unavailable' : 'invalid_request'
  return oauthError(error, ERROR_TABLE[code].meaning, code)
}

/** For `catch`: throws the refusal that a deliberate failure means; any other error is unchanged. */
export function throwRefusal(error: unknown): never {
  throw isLatchkeyError(error) ? refusedFor(error.code) : error
}

/** Returns the error for too many tokens in one minute. */
export function tooMany(): OAuthRefusal {
  const description = 'too many tokens were requested'
  const body = { error: 'temporarily_unavailable', error_description: description, message: description }
  return new OAuthRefusal(429, body, { ...NOT_KEPT, 'retry-after': '60' })
}

/** Neither a token nor its refusal may be cached (RFC 6749 §5.1). */
export const NOT_KEPT = { 'cache-control': 'no-store', pragma: 'no-cache' } as const

/** Parameters that are not supported: there is no delegation, and there are no scopes. */
const UNSUPPORTED = ['actor_token', 'actor_token_type', 'resource', 'scope'] as const

/**
 * Parses the parameters of RFC 8693 §2.1.
 *
 * @param body - the parameters by name, or null if one was repeated
 * @param audiences - the allowed audiences; a request without `audience` means the only entry
 * @throws {OAuthRefusal}
 */
export function readTokenRequest(
  body: Readonly<Record<string, unknown>> | null,
  audiences: readonly string[],
): TokenRequest {
  const read = (name: string): string | undefined => readParameter(body, name)
  if (body === null) throw oauthError('invalid_request', 'a parameter is repeated')
  if (read('grant_type') !== TOKEN_EXCHANGE)
    throw oauthError('unsupported_grant_type', `grant_type: expected ${TOKEN_EXCHANGE}`)
  for (const name of UNSUPPORTED)
    if (read(name) !== undefined) throw oauthError(ERROR_OF[name] ?? 'invalid_request', `${name}: not supported`)
  const requested = read('requested_token_type') ?? ACCESS_TOKEN
  if (requested !== ACCESS_TOKEN && requested !== 'urn:ietf:params:oauth:token-type:jwt')
    throw oauthError('invalid_request', 'requested_token_type: expected an access token')
  return {
    ...readSubject(read('subject_token_type'), read('subject_token')),
    audience: readAudience(read('audience'), audiences),
  }
}

const ERROR_OF: Partial<Record<(typeof UNSUPPORTED)[number], OAuthError>> = {
  resource: 'invalid_target',
  scope: 'invalid_scope',
}

/** An empty parameter counts as omitted (RFC 6749 §3.2). */
function readParameter(body: Readonly<Record<string, unknown>> | null, name: string): string | undefined {
  const value = body && Object.hasOwn(body, name) ? body[name] : undefined
  if (value !== undefined && typeof value !== 'string')
    throw oauthError('invalid_request', `${name}: expected a string`)
  return value || undefined
}

function readSubject(type: string | undefined, token: string | undefined): Pick<TokenRequest, 'kind' | 'subjectToken'> {
  if (type === undefined || !Object.hasOwn(SUBJECT_TYPES, type))
    throw oauthError('invalid_request', `subject_token_type: expected one of ${Object.keys(SUBJECT_TYPES).join(', ')}`)
  const kind = SUBJECT_TYPES[type as keyof typeof SUBJECT_TYPES]
  if (kind === 'session' && token !== undefined)
    throw oauthError('invalid_request', 'subject_token: a session comes by cookie or Authorization header')
  if (kind !== 'session' && token === undefined) throw oauthError('invalid_request', 'subject_token: missing')
  return { kind, subjectToken: token ?? '' }
}

function readAudience(audience: string | undefined, audiences: readonly string[]): string {
  if (audience === undefined && audiences.length === 1) return audiences[0]!
  if (audience === undefined) throw oauthError('invalid_request', 'audience: missing')
  if (!audiences.includes(audience)) throw oauthError('invalid_target', 'audience: not an allowed audience')
  return audience
}

/** Parses the parameters of a form by name; null if one is repeated (RFC 6749 §3.2). */
export function readForm(text: string): Record<string, string> | null {
  const pairs = [...new URLSearchParams(text)]
  const form = Object.fromEntries(pairs)
  return Object.keys(form).length === pairs.length ? form : null
}
