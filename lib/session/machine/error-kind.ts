import type { AuthErrorKind } from '../../machine/state.ts'
import type { SessionErrorKind } from '../transport.ts'

/** The `error` of `auth` for each reason of a rejection. */
const ERRORS: Readonly<Record<SessionErrorKind | AuthErrorKind, AuthErrorKind>> = {
  TOKEN_EXPIRED: 'expired',
  UNAUTHORIZED: 'invalid',
  ROLES_MISMATCH: 'invalid',
  SCHEMA_MISMATCH: 'invalid',
  expired: 'expired',
  missing: 'missing',
  invalid: 'invalid',
  disabled: 'disabled',
}

/** Maps the reason of a rejection to the `error` of `auth`; undefined for a reason that does not judge the token. */
export function errorOf(why: SessionErrorKind | AuthErrorKind): AuthErrorKind | undefined {
  return Object.hasOwn(ERRORS, why) ? ERRORS[why] : undefined
}

/** Maps the reason of a rejection to the kind that `onSessionError` gets. */
export function kindOf(why: SessionErrorKind | AuthErrorKind): SessionErrorKind {
  if (why === 'expired') return 'TOKEN_EXPIRED'
  return why === 'missing' || why === 'invalid' || why === 'disabled' ? 'UNAUTHORIZED' : why
}
