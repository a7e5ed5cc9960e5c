import type { AuthErrorKind } from '../../machine/state.ts'

const REASONS: readonly string[] = ['expired', 'missing', 'invalid', 'disabled'] satisfies AuthErrorKind[]

/** True if a server says that it refused the bearer token (RFC 6750 §3): any other 401 has another reason. */
export function isBearerRefusal({ headers }: Response): boolean {
  return /\bBearer\b.*\berror=/i.test(headers.get('www-authenticate') ?? '')
}

/** Returns why a server refused the credential. */
export function reasonOf(response: Response): AuthErrorKind {
  // RFC 6750 §3, in the form that `latchkey/server` sends.
  const [, reason = 'invalid'] = /error_description="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  return knownReason(reason)
}

/** Returns a reason that a server or an app gave; `invalid` for an unknown one. */
export function knownReason(reason: string): AuthErrorKind {
  return REASONS.includes(reason) ? (reason as AuthErrorKind) : 'invalid'
}
