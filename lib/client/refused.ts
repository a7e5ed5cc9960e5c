import type { AuthErrorKind } from '../machine/state.ts'
import type { Runtime } from './runtime.ts'

const REASONS: readonly string[] = ['expired', 'missing', 'invalid', 'disabled'] satisfies AuthErrorKind[]

/** Takes over what a server says about the credential of the session in force. */
export function refused(runtime: Runtime, response: Response): void {
  // RFC 6750 §3, as `latchkey/server` answers.
  const [, reason = 'invalid'] = /error_description="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  runtime.dispatch({ type: 'tokenRejected', reason: REASONS.includes(reason) ? (reason as AuthErrorKind) : 'invalid' })
}
