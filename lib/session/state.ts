import type { AuthErrorKind } from '../machine/state.ts'
import type { Core } from './core.ts'
import type { SessionErrorKind } from './sink.ts'

/**
 * Where a session stands. `idle`: not started · `waiting`: started, nothing to connect with or nobody wants to yet ·
 * `connecting` · `connected`: the other side took the token · `paused`: `error` is set, a fresh token of the same principal resumes ·
 * `closed`: `ROLES_MISMATCH` or `SCHEMA_MISMATCH`, which no fresh token mends · `ended`.
 */
export type SessionStatus = 'idle' | 'waiting' | 'connecting' | 'connected' | 'paused' | 'closed' | 'ended'

/** The flat, frozen snapshot that a session's `getState()` returns. */
export interface SessionState {
  readonly status: SessionStatus
  /** Whose session is going on. */
  readonly principal: string | null
  /** Set while the other side refuses the token, as in `auth.getState()`; the session itself stays. */
  readonly error?: AuthErrorKind
  /** What `onSessionError` was last told, until a token is taken. */
  readonly failure?: SessionErrorKind
}

/** No token mends this: only `start()`, `connect()` or another version of the app. */
export function isClosed({ failure }: Core): boolean {
  return failure === 'ROLES_MISMATCH' || failure === 'SCHEMA_MISMATCH'
}

/** What the app sees; `before` where nothing changed. */
export function stateOf(core: Core, before?: SessionState): SessionState {
  const { principal, error, failure } = core
  const state: SessionState = {
    status: statusOf(core),
    principal,
    ...(error && { error }),
    ...(failure && { failure }),
  }
  return before && JSON.stringify(before) === JSON.stringify(state) ? before : state
}

function statusOf(core: Core): SessionStatus {
  if (core.stage !== 'started') return core.stage
  if (isClosed(core)) return 'closed'
  if (core.error) return 'paused'
  if (core.link === 'up') return 'connected'
  return core.link === 'opening' || (core.wanted && (core.held ?? core.trial)) ? 'connecting' : 'waiting'
}
