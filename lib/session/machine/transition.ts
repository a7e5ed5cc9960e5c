import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind } from '../../machine/state.ts'
import {
  type InternalState,
  type SessionEffect,
  type SessionEvent,
  type SessionEventType,
  type SessionEvents,
  type Step,
  type World,
  canRefresh,
  isBound,
} from './internal-state.ts'
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
  release,
  recover,
  pause,
  reopen,
  report,
  restart,
  settleTrial,
  replace,
  retryLater,
} from './steps.ts'
import { kindOf } from './error-kind.ts'

type Handler<Type extends SessionEventType> = (state: InternalState, event: SessionEvents[Type], world: World) => Step

/** Returns the next state of a session and its effects. Pure. */
export function step(state: InternalState, event: SessionEvent, world: World): Step {
  if (state.stage !== 'started' && !EVENTS_BEFORE_START.includes(event.type)) return [state]
  if (isClosed(state) && RECOVERY_EVENTS.includes(event.type)) return [state]
  const handler = HANDLERS[event.type] as Handler<SessionEventType>
  return handler(state, event, world)
}

/** Events that count before the first start. */
const EVENTS_BEFORE_START: readonly SessionEventType[] = ['started', 'connectAsked', 'disconnectAsked', 'ended']

/** Events that could resume a paused session; ignored in a closed one. */
const RECOVERY_EVENTS: readonly SessionEventType[] = ['fetched', 'nothingFetched', 'fetchFailed', 'due', 'retried']

const HANDLERS: { readonly [Type in SessionEventType]: Handler<Type> } = {
  // The app
  started,
  given: (state, { token }, world) => give(state, token, world),
  connectAsked: (state, _, world) => connect(state, world),
  disconnectAsked: (state) => disconnect(state),
  ended(state) {
    const [clean, ...effects] = finish(state)
    return [{ ...clean, stage: 'ended', wanted: false }, ...effects]
  },

  // `auth`
  authChanged: (state, _, world) => (isBound(state, world) ? follow(state, world) : [state]),
  finished: finish,

  // The token source
  fetched: (state, { token }, world) => receive(state, token, world),
  // Before its first token a session waits for one: providers return null while they load.
  nothingFetched: (state) => (state.roles === null ? retryLater(state) : [state, { do: 'end' }]),
  fetchFailed(state, { isRejection }) {
    const [next, ...effects] = retryLater(state)
    const isOver = state.error !== null && state.connection === 'down'
    return isRejection && isOver ? report(next, kindOf(state.error!), effects) : [next, ...effects]
  },

  // The transport
  accepted,
  rejected,
  lost(state, _, world) {
    if (state.connection === 'down') return [state]
    const attempts = failuresOf(state, world)
    return [
      { ...state, connection: 'down', upSince: null, attempts: attempts + 1 },
      { do: 'retry', attempt: attempts },
      ...settleTrial(state, null),
    ]
  },
  replaced(state, { text }) {
    if (state.connection !== 'up' || state.trial?.text !== text) return [state]
    const { mode } = state.trial
    return [
      { ...state, held: state.trial, trial: null, attempts: 0, rejections: 0, failure: null },
      { do: 'accept', mode },
      ...settleTrial(state, null),
    ]
  },
  notReplaced(state, { text, isRefused }) {
    if (state.connection !== 'up' || state.trial?.text !== text) return [state]
    const [next, ...effects] = retryLater({ ...state, trial: null })
    // The previous token is still accepted, so this is no error of the session.
    return [next, NO_SCHEDULE, ...effects, ...settleTrial(state, isRefused ? 'SESSION_TOKEN_REFUSED' : 'OFFLINE')]
  },

  // Time
  due: (state, _, world) => [
    { ...state, attempts: failuresOf(state, world) },
    { do: 'refresh', fresh: true },
  ],
  networkFound: (state) => [{ ...state, attempts: 0 }],
  retried: (state, _, world) => reopen(state, world),
}

function started(
  state: InternalState,
  { token, principal, connect: wanted }: SessionEvents['started'],
  world: World,
): Step {
  if (isGoingOn(state, token, principal)) {
    const next: InternalState = { ...state, wanted: state.wanted || wanted }
    const isOther = token !== null && token.text !== currentToken(state)?.text
    if (isOther) return give(next, token, world)
    return wanted ? connect(next, world) : [next]
  }
  const [clean, ...ending] = finish(state)
  // `connect()` may be called before the start.
  const isWanted = wanted || (state.stage === 'idle' && state.wanted)
  const [begun, ...beginning] = begin({ ...clean, stage: 'started', wanted: isWanted }, token, principal, world)
  return [begun, ...ending, ...beginning]
}

/**
 * Starting the same session again is not a restart, except after `ROLES_MISMATCH`: then it starts with the roles of the
 * next token.
 */
function isGoingOn(
  { stage, principal, roles, failure }: InternalState,
  token: SessionToken | null,
  next: string | null,
): boolean {
  if (stage !== 'started' || principal === null || failure === 'ROLES_MISMATCH') return false
  if (token) return token.principal === principal && (roles === null || token.roles === roles)
  return next === null || next === principal
}

function give(state: InternalState, token: SessionToken, world: World): Step {
  const answer = (code: LatchkeyErrorCode | null): SessionEffect => ({ do: 'settle', text: token.text, code })
  if (token.principal !== (state.principal ?? world.authPrincipal ?? token.principal))
    return [state, answer('PRINCIPAL_MISMATCH')]
  if (token.text === currentToken(state)?.text) return [state, answer(null)]
  const isRefused = hasOtherRoles(state, token) && token.mode === state.rolesMode
  const [next, ...effects] = isRefused ? close(state, 'ROLES_MISMATCH') : place(state, token, world)
  // With a connection the server's answer settles the call. A running refresh may return an older token.
  const answers = isRefused ? [answer('ROLES_MISMATCH')] : state.connection === 'up' ? [] : [answer(null)]
  return [next, DROP_REFRESH, ...effects, ...answers]
}

function place(state: InternalState, token: SessionToken, world: World): Step {
  if (state.principal === null) return begin(state, token, null, world)
  if (state.failure === 'SCHEMA_MISMATCH') return [{ ...state, trial: token }, ...settleTrial(state, null)]
  return hasOtherRoles(state, token)
    ? restart(state, token, world)
    : adopt({ ...state, failure: state.failure === 'ROLES_MISMATCH' ? null : state.failure }, token, world)
}

const hasOtherRoles = ({ roles }: InternalState, token: SessionToken): boolean =>
  roles !== null && token.roles !== roles

function connect(state: InternalState, world: World): Step {
  const failure = isClosed(state) ? null : state.failure
  const next: InternalState = { ...state, wanted: true, attempts: 0, rejections: 0, failure }
  return state.stage === 'started' && state.connection === 'down' ? reopen(next, world) : [next]
}

function disconnect(state: InternalState): Step {
  const [next, ...effects] = release(state)
  return [{ ...next, wanted: false }, ...effects, DROP_REFRESH, NO_SCHEDULE, NO_RETRY, ...settleTrial(state, null)]
}

/** Follows the mode and the error of `auth`, for the same principal. */
function follow(state: InternalState, world: World): Step {
  const { authError: error } = world
  if (world.mode !== state.mode) return changeMode(state, world)
  if (isClosed(state) || error === state.error) return [state]
  if (error) return state.error ? [{ ...state, error }] : refuse(state, error, [], world)
  if (state.connection !== 'down') return [state]
  // Another part of the app has recovered. A token that is refused here repeatedly keeps its backoff, so that the two
  // do not drive each other.
  if (state.rejections < 2) return [state, { do: 'refresh', fresh: false }]
  return state.error === 'disabled' ? retryLater(state) : [state]
}

/** An upgrade: the session continues with a token of the new mode. */
function changeMode(state: InternalState, { mode }: World): Step {
  const next: InternalState = { ...state, mode, failure: state.failure === 'ROLES_MISMATCH' ? null : state.failure }
  return isClosed(next) ? [next] : [next, DROP_REFRESH, { do: 'refresh', fresh: false }]
}

function receive(state: InternalState, token: SessionToken, world: World): Step {
  if (state.principal === null) return begin(state, token, null, world)
  if (token.principal !== state.principal) return retryLater(state)
  // Under the same credential other roles are an error; after a change of mode they are a new session.
  if (hasOtherRoles(state, token))
    return token.mode === state.rolesMode ? close(state, 'ROLES_MISMATCH') : restart(state, token, world)
  if (token.text === currentToken(state)?.text) return keep(state, currentToken(state)!, world)
  // The refused token again is not a fresh one; after more failures the server may have recovered, so it is tried.
  if (token.text === state.refused && state.attempts < 2) return retryLater(state)
  return adopt(state, token, world)
}

function adopt(state: InternalState, token: SessionToken, world: World): Step {
  return token.left <= 0 && canRefresh(state.principal, world)
    ? [state, { do: 'refresh', fresh: true }]
    : replace(state, token, world)
}

/** The source returned the same token: it stays, and the next refresh is scheduled if it can help. */
function keep(state: InternalState, { takenAt, left, lead }: SessionToken, { now, interval }: World): Step {
  const rest = left - lead - (now - takenAt)
  return rest > 0
    ? [
        { ...state, failure: state.connection === 'up' ? null : state.failure },
        { do: 'schedule', delay: Math.min(interval, rest) },
      ]
    : retryLater(state)
}

function accepted(state: InternalState, _: object, { now }: World): Step {
  const held = currentToken(state)
  if (state.connection !== 'opening' || !held) return [state]
  const next: InternalState = {
    ...state,
    connection: 'up',
    held,
    trial: null,
    error: null,
    failure: null,
    refused: null,
    upSince: state.isFallback ? null : now,
  }
  return [next, { do: 'accept', mode: held.mode }, ...settleTrial(state, null)]
}

function rejected(state: InternalState, { kind, error }: SessionEvents['rejected'], world: World): Step {
  const bad = currentToken(state)
  if (state.connection === 'down' || !bad) return [state]
  if (kind === 'ROLES_MISMATCH' || kind === 'SCHEMA_MISMATCH') return close(state, kind)
  if (state.trial && state.held && isAlive(state.held, world.now)) return fallBack(state, state.held, kind, world)
  if (bad.mode === world.mode || !canRefresh(state.principal, world))
    return refuse({ ...state, refused: bad.text }, error, [{ do: 'reject', error, mode: bad.mode }], world)
  // The mode changed meanwhile: this says nothing about the new credential.
  const [free, ...freed] = release({ ...state, held: null, trial: null })
  return [free, ...freed, NO_SCHEDULE, ...settleTrial(state, null), { do: 'refresh', fresh: true }]
}

/** Handles a refused token. The app is only called if a fresh token did not help or cannot be fetched. */
function refuse(state: InternalState, error: AuthErrorKind, effects: readonly SessionEffect[], world: World): Step {
  const [paused, ...pausing] = pause(state, error, world)
  const all = [...pausing, ...effects, recover(paused, world)]
  const canRecover =
    state.error === null && paused.rejections === 1 && canRefresh(state.principal, world) && error !== 'disabled'
  return canRecover ? [paused, ...all] : report(paused, kindOf(error), all)
}
