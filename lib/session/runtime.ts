import { isLatchkeyError } from '../errors.ts'
import { type Machine, createMachine } from '../machine/create-machine.ts'
import { guarded } from '../machine/guarded.ts'
import { type Alarm, createAlarm } from './alarm.ts'
import { backoff } from './backoff.ts'
import type { ConnectedSession } from './connect-session.ts'
import { type Core, INITIAL_CORE, type SessionEffect, type SessionEvent, type World } from './core.ts'
import { type Driver, createDriver } from './driver.ts'
import type { SessionAuth, SessionOptions, SessionTimer } from './options.ts'
import { type RefreshAnswer, type Refresher, createRefresher } from './refresher.ts'
import { type SessionToken, readSessionToken } from './session-token.ts'
import type { SessionSink } from './sink.ts'
import { type SessionState, stateOf } from './state.ts'
import { step } from './transition.ts'
import { type Waiters, createWaiters } from './waiters.ts'

/** What the parts of a session share. */
export interface SessionRuntime extends Machine<Core, SessionEvent, SessionEffect, SessionState> {
  readonly auth: SessionAuth
  readonly sink: SessionSink
  readonly options: SessionOptions
  readonly driver: Driver
  readonly waiters: Waiters
  readonly refresher: Refresher
  /** Rings when a fresh token is due. */
  readonly due: Alarm
  /** Rings when something that failed is tried again. */
  readonly retry: Alarm
  /** @throws {LatchkeyError} `TOKEN_*` */
  read(text: string, isFresh: boolean): SessionToken
  /** Whose data the sink may hold. */
  owner: string | null
  /** Stops all calls into the app, the sink and `auth`, those of queued events too, until the next start. */
  halt(): void
  /** Tells the app what was thrown at the session. */
  fault(error: unknown): void
  /** What the app's callbacks get. */
  self(): ConnectedSession
}

/** What calls into the app, the sink or `auth`. */
const OUTWARD: readonly SessionEffect['do'][] = ['connect', 'update', 'hold', 'refresh', 'reject', 'accept', 'report']

const SYSTEM_TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as number),
}

/** Puts the runtime of a session together. It touches no global. */
export function createSessionRuntime(
  auth: SessionAuth,
  sink: SessionSink,
  options: SessionOptions,
  self: () => ConnectedSession,
): SessionRuntime {
  const { clock = Date.now, timer = SYSTEM_TIMER, refresh, audience } = options
  let isHalted = false
  const machine = createMachine<Core, SessionEvent, SessionEffect, SessionState>({
    initial: INITIAL_CORE,
    transition: (core, event) => step(core, event, worldOf(runtime, clock())),
    show: stateOf,
    record: ({ event }) => void (event.type === 'started' && (isHalted = false)),
    perform: (effect) => (isHalted && OUTWARD.includes(effect.do) ? undefined : perform(runtime, effect)),
  })
  const { dispatch } = machine
  const fault = (error: unknown): void => guarded(() => options.onFault?.(error))
  const source = (fresh: boolean): unknown =>
    refresh?.handler ? refresh.handler() : auth.getToken({ fresh, ...(audience !== undefined && { audience }) })
  const runtime: SessionRuntime = {
    ...machine,
    auth,
    sink,
    options,
    driver: createDriver(sink, timer, dispatch, fault),
    waiters: createWaiters(),
    refresher: createRefresher(timer, source, (answer) => dispatch(eventOf(runtime, answer))),
    due: createAlarm(clock, timer, () => dispatch({ type: 'due' })),
    retry: createAlarm(clock, timer, () => dispatch({ type: 'retried' })),
    read: (text, isFresh) => readSessionToken(text, options, { now: clock(), mode: auth.getState().authMode, isFresh }),
    owner: null,
    halt: () => void (isHalted = true),
    fault,
    self,
  }
  return runtime
}

function worldOf({ auth, sink, options: { refresh } }: SessionRuntime, now: number): World {
  const { authMode, session, error = null } = auth.getState()
  const { handler, interval = Infinity } = refresh ?? {}
  return {
    now,
    mode: authMode,
    authPrincipal: session?.principal ?? null,
    authError: error,
    hasHandler: handler !== undefined,
    canUpdate: sink.update !== undefined,
    interval,
  }
}

function perform(runtime: SessionRuntime, effect: SessionEffect): void {
  const { auth, options, driver } = runtime
  switch (effect.do) {
    case 'connect':
    case 'hold':
      runtime.owner = effect.token.principal
      return driver[effect.do](effect.token)
    case 'update':
      return driver.update(effect.token)
    case 'disconnect':
      return driver.disconnect(effect.reason)
    case 'refresh':
      return runtime.refresher.ask(effect.fresh)
    case 'dropRefresh':
      return runtime.refresher.drop()
    case 'schedule':
      return runtime.due.set(effect.delay)
    case 'retry':
      return runtime.retry.set(effect.attempt === null ? Infinity : backoff(effect.attempt))
    case 'reject':
      return tellAuth(runtime, effect.mode, () => auth.reportToken(effect.error))
    case 'accept':
      return tellAuth(runtime, effect.mode, () => auth.getState().error && auth.reportToken(null))
    case 'report':
      return guarded(() => options.onSessionError?.(effect.kind, runtime.self()))
    case 'settle':
      return runtime.waiters.settle(effect.text, effect.code)
  }
}

/** What became of a token says something about `auth` only where it is the credential in force there. */
function tellAuth({ auth, state }: SessionRuntime, mode: World['mode'], tell: () => unknown): void {
  const { authMode, session } = auth.getState()
  if (session && session.principal === state().principal && authMode === mode) tell()
}

/** What came of asking for a token. */
function eventOf({ options, read, fault }: SessionRuntime, answer: RefreshAnswer): SessionEvent {
  try {
    if ('error' in answer) throw answer.error
    if (answer.token === null || answer.token === undefined) return { type: 'nothingFetched' }
    return {
      type: 'fetched',
      token: read(answer.token as string, answer.isFresh || options.refresh?.handler !== undefined),
    }
  } catch (error) {
    fault(error)
    return {
      type: 'fetchFailed',
      isVerdict: isLatchkeyError(error, 'SESSION_MISSING') || isLatchkeyError(error, 'PRINCIPAL_MISMATCH'),
    }
  }
}
