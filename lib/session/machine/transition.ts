import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind } from '../../machine/state.ts'
import {
  type Core,
  type SessionEffect,
  type SessionEvent,
  type SessionEventType,
  type SessionEvents,
  type Step,
  type World,
  canRefresh,
  isBound,
} from './core.ts'
import { type SessionToken, isAlive } from './session-token.ts'
import { isClosed } from './snapshot.ts'
import {
  DROP_REFRESH,
  NO_RETRY,
  NO_SCHEDULE,
  begin,
  close,
  currentToken,
  failuresOf,
  fallBack,
  finish,
  letGo,
  mend,
  pause,
  reopen,
  report,
  restart,
  settleTrial,
  take,
  tryLater,
} from './steps.ts'
import { kindOf } from './error-kind.ts'

type Handler<Type extends SessionEventType> = (core: Core, event: SessionEvents[Type], world: World) => Step

/** The next step of a session. Pure: effects are only named here. */
export function step(core: Core, event: SessionEvent, world: World): Step {
  if (core.stage !== 'started' && !EARLY.includes(event.type)) return [core]
  if (isClosed(core) && MENDING.includes(event.type)) return [core]
  const handler = HANDLERS[event.type] as Handler<SessionEventType>
  return handler(core, event, world)
}

/** What means something although no session was started. */
const EARLY: readonly SessionEventType[] = ['started', 'startRefused', 'connectAsked', 'disconnectAsked', 'ended']

/** What would mend a session that a fresh token can mend. */
const MENDING: readonly SessionEventType[] = ['fetched', 'nothingFetched', 'fetchFailed', 'due', 'retried']

const HANDLERS: { readonly [Type in SessionEventType]: Handler<Type> } = {
  // The app
  started,
  startRefused: (core) => report(core, 'UNAUTHORIZED', []),
  given: (core, { token }, world) => give(core, token, world),
  connectAsked: (core, _, world) => connect(core, world),
  disconnectAsked: (core) => disconnect(core),
  ended(core) {
    const [clean, ...effects] = finish(core)
    return [{ ...clean, stage: 'ended', wanted: false }, ...effects]
  },

  // `auth`
  authChanged: (core, _, world) => (isBound(core, world) ? follow(core, world) : [core]),
  finished: finish,

  // Whoever was asked for a token
  fetched: (core, { token }, world) => receive(core, token, world),
  nothingFetched: (core, _, world) => (core.principal === null ? tryLater(core) : withoutToken(core, 'missing', world)),
  fetchFailed(core, { isVerdict }) {
    const [next, ...effects] = tryLater(core)
    return isVerdict && core.error ? report(next, kindOf(core.error), effects) : [next, ...effects]
  },

  // The sink
  accepted,
  rejected,
  lost(core, _, world) {
    if (core.link === 'down') return [core]
    const attempts = failuresOf(core, world)
    return [
      { ...core, link: 'down', upSince: null, attempts: attempts + 1 },
      { do: 'retry', attempt: attempts },
      ...settleTrial(core, null),
    ]
  },
  replaced(core, { text }) {
    if (core.link !== 'up' || core.trial?.text !== text) return [core]
    const { mode } = core.trial
    return [
      { ...core, held: core.trial, trial: null, attempts: 0, failure: null },
      { do: 'accept', mode },
      ...settleTrial(core, null),
    ]
  },
  notReplaced(core, { text, isRefused }) {
    if (core.link !== 'up' || core.trial?.text !== text) return [core]
    const [next, ...effects] = tryLater({ ...core, trial: null })
    const all = [NO_SCHEDULE, ...effects, ...settleTrial(core, isRefused ? 'SESSION_TOKEN_REFUSED' : 'OFFLINE')]
    return isRefused ? report(next, 'UNAUTHORIZED', all) : [next, ...all]
  },

  // Time
  due: (core, _, world) => [
    { ...core, attempts: failuresOf(core, world) },
    { do: 'refresh', fresh: true },
  ],
  networkFound: (core) => [{ ...core, attempts: 0 }],
  retried: (core, _, world) => reopen(core, world),
}

function started(core: Core, { token, principal, connect: wanted }: SessionEvents['started'], world: World): Step {
  if (isGoingOn(core, token, principal)) {
    const next: Core = { ...core, wanted: core.wanted || wanted }
    const isOther = token !== null && token.text !== currentToken(core)?.text
    if (isOther) return give(next, token, world)
    return wanted ? connect(next, world) : [next]
  }
  const [clean, ...ending] = finish(core)
  // `connect()` may come before the start.
  const isWanted = wanted || (core.stage === 'idle' && core.wanted)
  const [begun, ...beginning] = begin({ ...clean, stage: 'started', wanted: isWanted }, token, principal, world)
  return [begun, ...ending, ...beginning]
}

/** Starting the same session again is no restart; after `ROLES_MISMATCH` it is, under the roles of the next token. */
function isGoingOn(
  { stage, principal, roles, failure }: Core,
  token: SessionToken | null,
  next: string | null,
): boolean {
  if (stage !== 'started' || principal === null || failure === 'ROLES_MISMATCH') return false
  if (token) return token.principal === principal && (roles === null || token.roles === roles)
  return next === null || next === principal
}

function give(core: Core, token: SessionToken, world: World): Step {
  const answer = (code: LatchkeyErrorCode | null): SessionEffect => ({ do: 'settle', text: token.text, code })
  if (token.principal !== (core.principal ?? world.authPrincipal ?? token.principal))
    return [core, answer('PRINCIPAL_MISMATCH')]
  if (token.text === currentToken(core)?.text) return [core, answer(null)]
  const isRefused = hasOtherRoles(core, token) && token.mode === core.rolesMode
  const [next, ...effects] = isRefused ? close(core, 'ROLES_MISMATCH') : place(core, token, world)
  // Where there is a verdict to come, that answers; and what is being asked for may be older than what was given.
  const answers = isRefused ? [answer('ROLES_MISMATCH')] : core.link === 'up' ? [] : [answer(null)]
  return [next, DROP_REFRESH, ...effects, ...answers]
}

function place(core: Core, token: SessionToken, world: World): Step {
  if (core.principal === null) return begin(core, token, null, world)
  if (core.failure === 'SCHEMA_MISMATCH') return [{ ...core, trial: token }, ...settleTrial(core, null)]
  return hasOtherRoles(core, token)
    ? restart(core, token, world)
    : adopt({ ...core, failure: core.failure === 'ROLES_MISMATCH' ? null : core.failure }, token, world)
}

const hasOtherRoles = ({ roles }: Core, token: SessionToken): boolean => roles !== null && token.roles !== roles

function connect(core: Core, world: World): Step {
  const next: Core = { ...core, wanted: true, attempts: 0, failure: isClosed(core) ? null : core.failure }
  return core.stage === 'started' && core.link === 'down' ? reopen(next, world) : [next]
}

function disconnect(core: Core): Step {
  const [next, ...effects] = letGo(core)
  return [{ ...next, wanted: false }, ...effects, DROP_REFRESH, NO_SCHEDULE, NO_RETRY, ...settleTrial(core, null)]
}

/** What `auth` says of the principal whose session this is. */
function follow(core: Core, world: World): Step {
  const { authError: error } = world
  if (world.mode !== core.mode) return changeMode(core, world)
  if (isClosed(core) || error === core.error) return [core]
  if (error) return core.error ? [{ ...core, error }] : refuse(core, error, [], world)
  if (core.link !== 'down') return [core]
  // Elsewhere all is well again. What was refused here again and again keeps its pace: two sides must not drive each other.
  if (core.attempts < 2) return [core, { do: 'refresh', fresh: false }]
  return core.error === 'disabled' ? tryLater(core) : [core]
}

/** An upgrade: the session goes on, with a token of the new mode. */
function changeMode(core: Core, { mode }: World): Step {
  const next: Core = { ...core, mode, failure: core.failure === 'ROLES_MISMATCH' ? null : core.failure }
  return isClosed(next) ? [next] : [next, DROP_REFRESH, { do: 'refresh', fresh: false }]
}

function receive(core: Core, token: SessionToken, world: World): Step {
  if (core.principal === null) return begin(core, token, null, world)
  if (token.principal !== core.principal) return withoutToken(core, 'invalid', world)
  // Under the same credential other roles are no refresh; after the person changed the mode they are a session of their own.
  if (hasOtherRoles(core, token))
    return token.mode === core.rolesMode ? close(core, 'ROLES_MISMATCH') : restart(core, token, world)
  if (token.text === currentToken(core)?.text) return keep(core, currentToken(core)!, world)
  // The refused one once more is no fresh token; later it may be a mended server that sees it.
  if (token.text === core.refused && core.attempts < 2) return tryLater(core)
  return adopt(core, token, world)
}

function adopt(core: Core, token: SessionToken, world: World): Step {
  return token.left <= 0 && canRefresh(core.principal, world)
    ? [core, { do: 'refresh', fresh: true }]
    : take(core, token, world)
}

/** The source gave the same token again: it stays, and is asked for again when that is worth it. */
function keep(core: Core, { takenAt, left, lead }: SessionToken, { now, interval }: World): Step {
  const rest = left - lead - (now - takenAt)
  return rest > 0
    ? [
        { ...core, failure: core.link === 'up' ? null : core.failure },
        { do: 'schedule', delay: Math.min(interval, rest) },
      ]
    : tryLater(core)
}

/** The source has nothing for this session, or somebody else's token. */
function withoutToken(core: Core, error: AuthErrorKind, world: World): Step {
  const [paused, ...effects] = pause(core, error, world)
  return report(paused, 'UNAUTHORIZED', [
    ...effects,
    { do: 'reject', error, mode: world.mode },
    { do: 'retry', attempt: paused.attempts - 1 },
  ])
}

function accepted(core: Core, _: object, { now }: World): Step {
  const held = currentToken(core)
  if (core.link !== 'opening' || !held) return [core]
  const next: Core = {
    ...core,
    link: 'up',
    held,
    trial: null,
    error: null,
    failure: null,
    refused: null,
    upSince: core.isFallback ? null : now,
  }
  return [next, { do: 'accept', mode: held.mode }, ...settleTrial(core, null)]
}

function rejected(core: Core, { kind, error }: SessionEvents['rejected'], world: World): Step {
  const bad = currentToken(core)
  if (core.link === 'down' || !bad) return [core]
  if (kind === 'ROLES_MISMATCH' || kind === 'SCHEMA_MISMATCH') return close(core, kind)
  if (core.trial && core.held && isAlive(core.held, world.now)) return fallBack(core, core.held, kind, world)
  if (bad.mode === world.mode || !canRefresh(core.principal, world))
    return refuse({ ...core, refused: bad.text }, error, [{ do: 'reject', error, mode: bad.mode }], world)
  // The mode changed meanwhile: this says nothing about the credential that is on its way.
  const [free, ...freed] = letGo({ ...core, held: null, trial: null })
  return [free, ...freed, NO_SCHEDULE, ...settleTrial(core, null), { do: 'refresh', fresh: true }]
}

/** A verdict on the token. The app hears of it when one fresh token did not mend it, or cannot. */
function refuse(core: Core, error: AuthErrorKind, effects: readonly SessionEffect[], world: World): Step {
  const [paused, ...pausing] = pause(core, error, world)
  const all = [...pausing, ...effects, mend(paused, world)]
  const mayMend =
    core.error === null && paused.attempts === 1 && canRefresh(core.principal, world) && error !== 'disabled'
  return mayMend ? [paused, ...all] : report(paused, kindOf(error), all)
}
