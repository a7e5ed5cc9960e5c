import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind } from '../../machine/state.ts'
import {
  type InternalState,
  INITIAL_STATE,
  type SessionEffect,
  type Step,
  type World,
  canRefresh,
  isBound,
} from './internal-state.ts'
import { type SessionToken, isAlive } from './session-token.ts'
import type { SessionErrorKind } from '../transport.ts'

// Moves that several events share.

/** The shortest delay before a refresh, however short a token's lifetime. */
const MIN_REFRESH_DELAY_MS = 1000

/** A connection that lasted this long resets the backoff. */
const STABLE_CONNECTION_MS = 10_000

const PAUSE: SessionEffect = { do: 'disconnect', reason: 'paused' }
const END: SessionEffect = { do: 'disconnect', reason: 'ended' }
export const DROP_REFRESH: SessionEffect = { do: 'dropRefresh' }
export const NO_SCHEDULE: SessionEffect = { do: 'schedule', delay: Infinity }
export const NO_RETRY: SessionEffect = { do: 'retry', attempt: null }

/** The token in use, or the one to use next. */
export const currentToken = ({ trial, held }: InternalState): SessionToken | null => trial ?? held

/** Returns the failures in a row that still count for the backoff. */
export function failuresOf(state: InternalState, world: World): number {
  return isStable(state, world) ? 0 : state.attempts
}

function isStable({ upSince }: InternalState, { now }: World): boolean {
  return upSince !== null && now - upSince >= STABLE_CONNECTION_MS
}

/** Schedules the replacement of a token. */
function scheduleFor({ principal, takenAt, left, lead }: SessionToken, world: World): SessionEffect {
  const delay = Math.min(world.interval, left - lead) - (world.now - takenAt)
  return canRefresh(principal, world) ? { do: 'schedule', delay: Math.max(MIN_REFRESH_DELAY_MS, delay) } : NO_SCHEDULE
}

/** Settles the `update` call of the token on trial. */
export function settleTrial({ trial }: InternalState, code: LatchkeyErrorCode | null): SessionEffect[] {
  return trial ? [{ do: 'settle', text: trial.text, code }] : []
}

/** Reports a kind to the app, once in a row. */
export function report(state: InternalState, kind: SessionErrorKind, effects: readonly SessionEffect[]): Step {
  return state.failure === kind
    ? [state, ...effects]
    : [{ ...state, failure: kind }, ...effects, { do: 'report', kind }]
}

/** Releases the connection: no traffic until the next `connect`. */
export function release(state: InternalState): Step {
  return state.connection === 'down' ? [state] : [{ ...state, connection: 'down', upSince: null }, PAUSE]
}

/** Connects with a token, or has the transport hold it. */
export function connectOrHold(state: InternalState, token: SessionToken, world: World): Step {
  if (!state.wanted) return [state, { do: 'hold', token }]
  return [
    { ...state, connection: 'opening', upSince: null },
    { do: 'connect', token },
    scheduleFor(token, world),
    NO_RETRY,
  ]
}

/** Begins a session with a token; one that looks expired is refreshed first. */
export function begin(state: InternalState, token: SessionToken | null, principal: string | null, world: World): Step {
  const { mode } = world
  const known: InternalState = { ...state, principal: token?.principal ?? principal, mode }
  const begun: InternalState = { ...known, error: isBound(known, world) ? world.authError : null }
  const canAsk = canRefresh(begun.principal, world)
  if (token && (token.left > 0 || !canAsk))
    return connectOrHold({ ...begun, trial: token, roles: token.roles, rolesMode: mode }, token, world)
  return canAsk ? [begun, { do: 'refresh', fresh: token !== null }] : [begun]
}

/** Ends the current session; local data stays. */
export function finish(state: InternalState): Step {
  const { stage, wanted, mode, principal } = state
  const effects = [DROP_REFRESH, NO_SCHEDULE, NO_RETRY, ...settleTrial(state, 'SESSION_ENDED')]
  const next = { ...INITIAL_STATE, stage, wanted, mode }
  return principal === null ? [next, ...effects] : [next, END, ...effects]
}

/**
 * Replaces the token with another one of the same principal; the previous one is kept until the new one is accepted.
 */
export function replace(state: InternalState, token: SessionToken, world: World): Step {
  const next: InternalState = { ...state, trial: token, roles: token.roles, rolesMode: token.mode, isFallback: false }
  const before = settleTrial(state, null)
  if (state.connection === 'up' && world.canUpdate)
    return [next, { do: 'update', token }, scheduleFor(token, world), NO_RETRY, ...before]
  const [free, ...freed] = release(next)
  const [placed, ...placing] = connectOrHold(free, token, world)
  return [placed, ...freed, ...placing, ...before]
}

/** Continues with other roles after the mode changed: for the server that is a new session. */
export function restart(state: InternalState, token: SessionToken, world: World): Step {
  const clean: InternalState = {
    ...state,
    connection: 'down',
    upSince: null,
    held: null,
    trial: token,
    roles: token.roles,
    rolesMode: token.mode,
    failure: null,
    isFallback: false,
  }
  const [next, ...effects] = connectOrHold(clean, token, world)
  return [next, END, ...effects, ...settleTrial(state, null)]
}

/** Closes for a reason that no fresh token resolves. */
export function close(state: InternalState, kind: 'ROLES_MISMATCH' | 'SCHEMA_MISMATCH'): Step {
  const [free, ...freed] = release(state)
  // Other roles are another authority: a token from before them must not be used again.
  const held = kind === 'SCHEMA_MISMATCH' ? currentToken(state) : null
  return report({ ...free, held, trial: null }, kind, [
    ...freed,
    DROP_REFRESH,
    NO_SCHEDULE,
    NO_RETRY,
    ...settleTrial(state, codeOf(kind)),
  ])
}

/** Pauses until a fresh token is available; the session itself stays. */
export function pause(state: InternalState, error: AuthErrorKind, world: World): Step {
  const [free, ...freed] = release(state)
  const attempts = failuresOf(state, world) + 1
  const rejections = isStable(state, world) ? 1 : state.rejections + 1
  const next: InternalState = { ...free, held: null, trial: null, error, attempts, rejections }
  return [
    next,
    ...freed,
    NO_SCHEDULE,
    ...settleTrial(state, codeOf(error === 'expired' ? 'TOKEN_EXPIRED' : 'UNAUTHORIZED')),
  ]
}

/** Recovers after a pause: one refresh at once, after further failures with a backoff. */
export function recover({ principal, error, attempts, rejections }: InternalState, world: World): SessionEffect {
  if (!canRefresh(principal, world) || error === 'disabled') return NO_RETRY
  return rejections === 1 ? { do: 'refresh', fresh: true } : { do: 'retry', attempt: attempts - 1 }
}

/** Retries with a backoff. */
export function retryLater(state: InternalState): Step {
  return [
    { ...state, attempts: state.attempts + 1 },
    { do: 'retry', attempt: state.attempts },
  ]
}

/** Reconnects with the previous token after its replacement was refused and the connection closed. */
export function fallBack(state: InternalState, held: SessionToken, kind: SessionErrorKind, world: World): Step {
  const attempts = failuresOf(state, world)
  const next: InternalState = {
    ...state,
    trial: null,
    connection: 'opening',
    upSince: null,
    attempts: attempts + 1,
    isFallback: true,
  }
  return [
    next,
    PAUSE,
    { do: 'connect', token: held },
    NO_SCHEDULE,
    { do: 'retry', attempt: attempts },
    { do: 'fault', code: codeOf(kind) },
    ...settleTrial(state, codeOf(kind)),
  ]
}

/** Reconnects with the current token, or requests another one if it has expired. */
export function reopen(state: InternalState, world: World): Step {
  const token = currentToken(state)
  const canAsk = canRefresh(state.principal, world)
  const isUsable = token !== null && (isAlive(token, world.now) || !canAsk)
  if (isUsable && state.wanted && state.connection === 'down') return connectOrHold(state, token, world)
  return canAsk ? [state, { do: 'refresh', fresh: token !== null || state.error !== null }] : [state]
}

/** Returns the code for the `update` call of a refused token. */
export function codeOf(kind: SessionErrorKind): LatchkeyErrorCode {
  if (kind === 'TOKEN_EXPIRED' || kind === 'ROLES_MISMATCH') return kind
  return 'SESSION_TOKEN_REFUSED'
}
