import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind } from '../../machine/state.ts'
import { type Core, INITIAL_CORE, type SessionEffect, type Step, type World, canRefresh, isBound } from './core.ts'
import { type SessionToken, isAlive } from './session-token.ts'
import type { SessionErrorKind } from '../transport.ts'

// The moves that several events share.

/** However short a token lasts or a failing one comes back, no sooner than this, in milliseconds. */
const SHORTEST_DELAY = 1000

/** A link that stood this long ends a row of failures, in milliseconds. */
const STABLE = 10_000

const PAUSE: SessionEffect = { do: 'disconnect', reason: 'paused' }
const END: SessionEffect = { do: 'disconnect', reason: 'ended' }
export const DROP_REFRESH: SessionEffect = { do: 'dropRefresh' }
export const NO_SCHEDULE: SessionEffect = { do: 'schedule', delay: Infinity }
export const NO_RETRY: SessionEffect = { do: 'retry', attempt: null }

/** The token on the wire, or the one to go there next. */
export const currentToken = ({ trial, held }: Core): SessionToken | null => trial ?? held

/** Failures in a row that still count. */
export function failuresOf({ upSince, attempts }: Core, { now }: World): number {
  return upSince !== null && now - upSince >= STABLE ? 0 : attempts
}

/** When a token is due for a replacement. */
function scheduleFor({ principal, takenAt, left, lead }: SessionToken, world: World): SessionEffect {
  const delay = Math.min(world.interval, left - lead) - (world.now - takenAt)
  return canRefresh(principal, world) ? { do: 'schedule', delay: Math.max(SHORTEST_DELAY, delay) } : NO_SCHEDULE
}

/** Answers whoever waits for the token on trial. */
export function settleTrial({ trial }: Core, code: LatchkeyErrorCode | null): SessionEffect[] {
  return trial ? [{ do: 'settle', text: trial.text, code }] : []
}

/** Tells the app, unless that was the last thing it was told. */
export function report(core: Core, kind: SessionErrorKind, effects: readonly SessionEffect[]): Step {
  return core.failure === kind ? [core, ...effects] : [{ ...core, failure: kind }, ...effects, { do: 'report', kind }]
}

/** Lets the link go; nothing goes out until the next `connect`. */
export function letGo(core: Core): Step {
  return core.link === 'down' ? [core] : [{ ...core, link: 'down', upSince: null }, PAUSE]
}

/** Connects with a token, or has the sink hold it. */
export function put(core: Core, token: SessionToken, world: World): Step {
  if (!core.wanted) return [core, { do: 'hold', token }]
  return [{ ...core, link: 'opening', upSince: null }, { do: 'connect', token }, scheduleFor(token, world), NO_RETRY]
}

/** Begins a session with a token; one that looks expired is refreshed first. */
export function begin(core: Core, token: SessionToken | null, principal: string | null, world: World): Step {
  const { mode } = world
  const known: Core = { ...core, principal: token?.principal ?? principal, mode }
  const begun: Core = { ...known, error: isBound(known, world) ? world.authError : null }
  const canAsk = canRefresh(begun.principal, world)
  if (token && (token.left > 0 || !canAsk))
    return put({ ...begun, trial: token, roles: token.roles, rolesMode: mode }, token, world)
  return canAsk ? [begun, { do: 'refresh', fresh: token !== null }] : [begun]
}

/** Ends the session that is going on; local data stays. */
export function finish(core: Core): Step {
  const { stage, wanted, mode, principal } = core
  const effects = [DROP_REFRESH, NO_SCHEDULE, NO_RETRY, ...settleTrial(core, 'SESSION_ENDED')]
  const next = { ...INITIAL_CORE, stage, wanted, mode }
  return principal === null ? [next, ...effects] : [next, END, ...effects]
}

/** Puts a further token of the same principal in the place of the one before, which is kept until this one is taken. */
export function take(core: Core, token: SessionToken, world: World): Step {
  const next: Core = { ...core, trial: token, roles: token.roles, rolesMode: token.mode, isFallback: false }
  const before = settleTrial(core, null)
  if (core.link === 'up' && world.canUpdate)
    return [next, { do: 'update', token }, scheduleFor(token, world), NO_RETRY, ...before]
  const [free, ...freed] = letGo(next)
  const [placed, ...placing] = put(free, token, world)
  return [placed, ...freed, ...placing, ...before]
}

/** Goes on under other roles, after the person changed the mode: for the other side that is a new session. */
export function restart(core: Core, token: SessionToken, world: World): Step {
  const clean: Core = {
    ...core,
    link: 'down',
    upSince: null,
    held: null,
    trial: token,
    roles: token.roles,
    rolesMode: token.mode,
    failure: null,
    isFallback: false,
  }
  const [next, ...effects] = put(clean, token, world)
  return [next, END, ...effects, ...settleTrial(core, null)]
}

/** Closes for a reason that no fresh token mends. */
export function close(core: Core, kind: 'ROLES_MISMATCH' | 'SCHEMA_MISMATCH'): Step {
  const [free, ...freed] = letGo(core)
  // Other roles are another authority: what was good before them is not used again.
  const held = kind === 'SCHEMA_MISMATCH' ? currentToken(core) : null
  return report({ ...free, held, trial: null }, kind, [
    ...freed,
    DROP_REFRESH,
    NO_SCHEDULE,
    NO_RETRY,
    ...settleTrial(core, codeOf(kind)),
  ])
}

/** Pauses until a fresh token comes; the session itself stays. */
export function pause(core: Core, error: AuthErrorKind, world: World): Step {
  const [free, ...freed] = letGo(core)
  const next: Core = { ...free, held: null, trial: null, error, attempts: failuresOf(core, world) + 1 }
  return [
    next,
    ...freed,
    NO_SCHEDULE,
    ...settleTrial(core, codeOf(error === 'expired' ? 'TOKEN_EXPIRED' : 'UNAUTHORIZED')),
  ]
}

/** After a pause: one refresh at once; if failures come in a row, later and later. */
export function mend({ principal, error, attempts }: Core, world: World): SessionEffect {
  if (!canRefresh(principal, world) || error === 'disabled') return NO_RETRY
  return attempts === 1 ? { do: 'refresh', fresh: true } : { do: 'retry', attempt: attempts - 1 }
}

/** Later and later, as failures come in a row. */
export function tryLater(core: Core): Step {
  return [
    { ...core, attempts: core.attempts + 1 },
    { do: 'retry', attempt: core.attempts },
  ]
}

/** The replacement was refused and the connection is over: the token before still serves. */
export function fallBack(core: Core, held: SessionToken, kind: SessionErrorKind, world: World): Step {
  const attempts = failuresOf(core, world)
  const next: Core = { ...core, trial: null, link: 'opening', upSince: null, attempts: attempts + 1, isFallback: true }
  const effects: SessionEffect[] = [
    PAUSE,
    { do: 'connect', token: held },
    NO_SCHEDULE,
    { do: 'retry', attempt: attempts },
  ]
  return report(next, kind, [...effects, ...settleTrial(core, codeOf(kind))])
}

/** Connects again with the token at hand, or asks for another one where it is past its time. */
export function reopen(core: Core, world: World): Step {
  const token = currentToken(core)
  const canAsk = canRefresh(core.principal, world)
  const isUsable = token !== null && (isAlive(token, world.now) || !canAsk)
  if (isUsable && core.wanted && core.link === 'down') return put(core, token, world)
  return canAsk ? [core, { do: 'refresh', fresh: token !== null || core.error !== null }] : [core]
}

/** What whoever handed over the refused token gets. */
export function codeOf(kind: SessionErrorKind): LatchkeyErrorCode {
  if (kind === 'TOKEN_EXPIRED' || kind === 'ROLES_MISMATCH') return kind
  return 'SESSION_TOKEN_REFUSED'
}
