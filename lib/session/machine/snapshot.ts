import type { AuthErrorKind } from '../../machine/state.ts'
import type { InternalState } from './internal-state.ts'
import type { SessionErrorKind } from '../transport.ts'

/**
 * The status of a session. `idle`: not started · `waiting`: started; no token yet, or `connect()` was not called yet ·
 * `connecting` · `connected`: the server accepted the token · `paused`: `error` is set, a fresh token of the same
 * principal resumes · `closed`: `ROLES_MISMATCH` or `SCHEMA_MISMATCH`, which no fresh token resolves · `ended`.
 */
export type SessionStatus = 'idle' | 'waiting' | 'connecting' | 'connected' | 'paused' | 'closed' | 'ended'

/** The flat, frozen snapshot that a session's `getState()` returns. */
export interface SessionState {
  readonly status: SessionStatus
  /** The principal of the session. */
  readonly principal: string | null
  /** Set while the server refuses the token, as in `auth.getState()`; the session itself stays. */
  readonly error?: AuthErrorKind
  /** The last kind passed to `onSessionError`, until a token is accepted. */
  readonly failure?: SessionErrorKind
}

/** True after a failure that no fresh token resolves: only `start()`, `connect()` or another version of the app. */
export function isClosed({ failure }: InternalState): boolean {
  return failure === 'ROLES_MISMATCH' || failure === 'SCHEMA_MISMATCH'
}

/** Derives the public snapshot; returns `before` if nothing changed. */
export function snapshotOf(state: InternalState, before?: SessionState): SessionState {
  const { principal, error, failure } = state
  const snapshot: SessionState = {
    status: statusOf(state),
    principal,
    ...(error && { error }),
    ...(failure && { failure }),
  }
  return before && JSON.stringify(before) === JSON.stringify(snapshot) ? before : snapshot
}

function statusOf(state: InternalState): SessionStatus {
  if (state.stage !== 'started') return state.stage
  if (isClosed(state)) return 'closed'
  if (state.error) return 'paused'
  if (state.connection === 'up') return 'connected'
  return state.connection === 'opening' || (state.wanted && (state.held ?? state.trial)) ? 'connecting' : 'waiting'
}
