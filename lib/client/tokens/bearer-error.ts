import type { AuthErrorKind } from '../../machine/state.ts'

const REASONS: readonly string[] = ['expired', 'missing', 'invalid', 'disabled'] satisfies AuthErrorKind[]

/** True if a server says that it refused the bearer (RFC 6750 §3): another 401 is about something else. */
export function isBearerRefusal({ headers }: Response): boolean {
  return /\bBearer\b.*\berror=/i.test(headers.get('www-authenticate') ?? '')
}

/** Why a server refused the credential. */
export function reasonOf(response: Response): AuthErrorKind {
  // RFC 6750 §3, as `latchkey/server` answers.
  const [, reason = 'invalid'] = /error_description="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  return REASONS.includes(reason) ? (reason as AuthErrorKind) : 'invalid'
}
