import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError, isNetworkError } from '../../../lib/index.ts'

/** An error as Better Auth's client returns it: the body with the status. */
export interface ErrorAnswer {
  /** 0 if a redirect was not followed. */
  readonly status: number
  readonly code?: string
  readonly message?: string
  /** Seconds, if the server said how long to wait. */
  readonly retryAfter?: number
}

/** The result of a request of Better Auth's client. */
export interface Answer {
  readonly data: unknown
  readonly error: ErrorAnswer | null
}

/** True if a redirect was not followed. */
export function isOpaque(outcome: unknown): boolean {
  const { error } = (outcome ?? {}) as Partial<Answer>
  return error?.status === 0
}

/**
 * Returns the failure in what `run` returned or threw, or null.
 *
 * @param unreachable - the last error of a request without a response
 * @param retryAfter - seconds, of the last response with status 429
 */
export function readFailure(
  outcome: unknown,
  { unreachable, retryAfter }: { readonly unreachable?: unknown; readonly retryAfter?: number | undefined } = {},
): LatchkeyError | null {
  if (isLatchkeyError(outcome)) return outcome
  if (outcome instanceof Error)
    return outcome === unreachable || isNetworkError(outcome) ? new LatchkeyError('OFFLINE', undefined, outcome) : null
  const { error } = (outcome ?? {}) as Partial<Answer>
  return error ? toFailure(retryAfter === undefined ? error : { ...error, retryAfter }) : null
}

/** The codes of the plugin's refusals. A plugin of another vendor may begin its own codes with the same words. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ACCOUNT_HANDED_OVER',
  'ACCOUNT_OPEN',
  'ALIASES_FULL',
  'ALIAS_UNKNOWN',
  'BACKUP_ACCOUNT_NEEDED',
  'BACKUP_LIMIT',
  'BACKUP_TAKEN',
  'BACKUP_UNKNOWN',
  'DELEGATION_UNSUPPORTED',
  'DEVICE_CURRENT',
  'DEVICE_FORBIDDEN',
  'DEVICE_UNKNOWN',
  'KEY_FORBIDDEN',
  'KEY_NEEDED',
  'KEY_UNKNOWN',
  'LINK_FORBIDDEN',
  'LINK_REFUSED',
  'PRINCIPAL_DISABLED',
  'PRINCIPAL_FIELD_FORBIDDEN',
  'PRINCIPAL_FIXED',
  'PRINCIPAL_TAKEN',
  'PROOF_DIGEST_MISMATCH',
  'PROOF_IDENTIFIER_MISMATCH',
  'PROOF_KEY_REVOKED',
  'PROOF_LINK_MISMATCH',
  'PROOF_NONCE_MISMATCH',
  'PROOF_NONCE_MISSING',
  'PROOF_PAIR_MISMATCH',
  'PROOF_PURPOSE_MISMATCH',
  'PROOF_REPLAYED',
  'SESSION_MISSING',
  'TOKEN_AUDIENCE_MISMATCH',
  'TOKEN_EXPIRED',
  'TOKEN_MALFORMED',
  'TOKEN_NOT_YET_VALID',
  'UNLINK_REFUSED',
  'USER_ID_FORBIDDEN',
] satisfies LatchkeyErrorCode[])

/** Distinguishes a server that is unreachable, refuses, asks to wait, or fails. */
export function toFailure(error: ErrorAnswer): LatchkeyError {
  const { status, code = '', message } = error
  // Better Auth's own code for an expired link of a mail, with its own message. A proof is refused with another one.
  const isLink = code === 'TOKEN_EXPIRED' && message === 'Token expired'
  if (REFUSALS.has(code) && !isLink) return new LatchkeyError(code as LatchkeyErrorCode)
  return new LatchkeyError(codeOf(status), undefined, error)
}

function codeOf(status: number): LatchkeyErrorCode {
  if (!status) return 'OFFLINE'
  if (status === 429) return 'PROVIDER_LIMITED'
  return status >= 500 ? 'PROVIDER_FAILED' : 'PROVIDER_REFUSED'
}

/** Returns the seconds to wait (RFC 9110 §10.2.3); Better Auth's own rate limit uses the second name. */
export function readRetryAfter({ headers }: Response, now: number = Date.now()): number | undefined {
  const text = headers.get('retry-after') ?? headers.get('x-retry-after')
  if (text === null || text.trim() === '') return undefined
  const seconds = Number.isNaN(Number(text)) ? (Date.parse(text) - now) / 1000 : Number(text)
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined
}
