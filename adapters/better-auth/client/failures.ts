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

/** Distinguishes a server that is unreachable, refuses, asks to wait, or fails. */
export function toFailure(error: ErrorAnswer): LatchkeyError {
  const { status, code = '' } = error
  if (
    /^((PRINCIPAL|PROOF|TOKEN|DELEGATION|KEY|ACCOUNT|BACKUP|(UN)?LINK|DEVICE|ALIAS|ALIASES|USER_ID)_|SESSION_MISSING$)/.test(
      code,
    )
  )
    return new LatchkeyError(code as LatchkeyErrorCode)
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
