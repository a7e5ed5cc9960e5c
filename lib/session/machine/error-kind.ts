import type { AuthErrorKind } from '../../machine/state.ts'
import type { SessionErrorKind } from '../transport.ts'

/** A verdict on the token, as `auth` shows it. */
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

/** What a transport said, as the error that `auth` shows; undefined where it is no verdict. */
export function errorOf(why: SessionErrorKind | AuthErrorKind): AuthErrorKind | undefined {
  return Object.hasOwn(ERRORS, why) ? ERRORS[why] : undefined
}

/** What a transport said, as the kind that `onSessionError` gets. */
export function kindOf(why: SessionErrorKind | AuthErrorKind): SessionErrorKind {
  if (why === 'expired') return 'TOKEN_EXPIRED'
  return why === 'missing' || why === 'invalid' || why === 'disabled' ? 'UNAUTHORIZED' : why
}
