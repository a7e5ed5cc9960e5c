import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { createAlarm } from './alarm.ts'
import { backoff } from './backoff.ts'
import type { ConnectedSession } from './connect-session.ts'
import { type Core, INITIAL_CORE, type SessionEffect, type SessionEvent, type World } from './core.ts'
import { type Driver, createDriver } from './driver.ts'
import type { SessionAuth, SessionOptions, SessionTimer } from './options.ts'
import { type RefreshAnswer, createRefresher } from './refresher.ts'
import { type SessionToken, readSessionToken } from './session-token.ts'
import type { SessionSink } from './sink.ts'
import { type SessionState, stateOf } from './state.ts'
import { step } from './transition.ts'

/** What the parts of a session share. */
export interface SessionRuntime {
  readonly auth: SessionAuth
  readonly sink: SessionSink
  readonly options: SessionOptions
  readonly driver: Driver
  core(): Core
  getState(): SessionState
  subscribe(listener: () => void): () => void
  /** Runs one event through the machine and performs its effects. */
  dispatch(event: SessionEvent): void
  /** Lets nothing out any more, although events may still be queued; until `dispatch` of a start. */
  halt(): void
  /** @throws {LatchkeyError} `TOKEN_*` */
  read(text: string, isFresh: boolean): SessionToken
  /** Hands a token to the session; resolves once it is taken or kept, rejects when it is refused. */
  give(token: SessionToken): Promise<void>
  /** Time may have stood still, or the network is back. */
  wake(isOnline: boolean): void
  /** Whose data the sink may hold; null after `disown`. */
  owner(): string | null
  disown(): void
  fault(error: unknown): void
}

interface Waiter {
  resolve(): void
  reject(error: LatchkeyError): void
}

/** What calls into the app, the sink or `auth`. */
const OUTWARD: readonly SessionEffect['do'][] = ['connect', 'update', 'hold', 'refresh', 'reject', 'accept', 'report']

const SYSTEM_TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as number),
}

/**
 * Puts the runtime of a session together.
 *
 * @param self - what the app's callbacks get
 */
export function createSessionRuntime(auth: SessionAuth, sink: SessionSink, options: SessionOptions, self: () => ConnectedSession): SessionRuntime {
  const { clock = Date.now, timer = SYSTEM_TIMER, refresh, audience } = options
  const { handler, interval = Infinity } = refresh ?? {}
  const listeners = new Set<() => void>()
  const waiters = new Map<string, Waiter[]>()
  const queue: SessionEvent[] = []
  let core = INITIAL_CORE
  let state = stateOf(core)
  let owner: string | null = null
  let isRunning = false
  let isHalted = false

  const fault = (error: unknown): void => guarded(() => options.onFault?.(error))
  const driver = createDriver(sink, timer, dispatch, fault)
  const dueAlarm = createAlarm(clock, timer, () => dispatch({ type: 'due' }))
  const retryAlarm = createAlarm(clock, timer, () => dispatch({ type: 'retried' }))
  const refresher = createRefresher(timer, (fresh) => (handler ? handler() : auth.getToken({ fresh, ...(audience !== undefined && { audience }) })), answered)

  function dispatch(event: SessionEvent): void {
    queue.push(event)
    // What the sink or the app does inside an effect waits for its turn.
    if (isRunning) return
    const before = state
    isRunning = true
    for (let next = queue.shift(); next; next = queue.shift()) run(next)
    isRunning = false
    if (state !== before) for (const listener of [...listeners]) guarded(listener)
  }

  function run(event: SessionEvent): void {
    if (event.type === 'started') isHalted = false
    const [next, ...effects] = step(core, event, world())
    core = next
    state = stateOf(core, state)
    for (const effect of effects) if (!isHalted || !OUTWARD.includes(effect.do)) perform(effect)
  }

  function world(): World {
    const { authMode, session } = auth.getState()
    return { now: clock(), mode: authMode, authPrincipal: session?.principal ?? null, hasHandler: handler !== undefined, canUpdate: sink.update !== undefined, interval }
  }

  function perform(effect: SessionEffect): void {
    switch (effect.do) {
      case 'connect':
      case 'hold':
        owner = effect.token.principal
        return driver[effect.do](effect.token)
      case 'update': return driver.update(effect.token)
      case 'disconnect': return driver.disconnect(effect.reason)
      case 'refresh': return refresher.ask(effect.fresh)
      case 'dropRefresh': return refresher.drop()
      case 'schedule': return dueAlarm.set(effect.delay)
      case 'retry': return retryAlarm.set(effect.attempt === null ? Infinity : backoff(effect.attempt))
      case 'reject': return tellAuth(effect.mode, () => auth.rejectToken(effect.error))
      case 'accept': return tellAuth(effect.mode, () => auth.getState().error && auth.acceptToken())
      case 'report': return guarded(() => options.onSessionError?.(effect.kind, self()))
      case 'settle': return settle(effect.text, effect.code)
    }
  }

  /** What became of a token says something about `auth` only where it is the credential in force there. */
  function tellAuth(mode: World['mode'], tell: () => unknown): void {
    const { authMode, session } = auth.getState()
    if (session && session.principal === core.principal && authMode === mode) tell()
  }

  function answered(answer: RefreshAnswer): void {
    try {
      if ('error' in answer) throw answer.error
      if (answer.token === null || answer.token === undefined) return dispatch({ type: 'nothingFetched' })
      dispatch({ type: 'fetched', token: read(answer.token as string, answer.isFresh || handler !== undefined) })
    } catch (error) {
      fault(error)
      dispatch({ type: 'fetchFailed', isVerdict: isLatchkeyError(error, 'SESSION_MISSING') || isLatchkeyError(error, 'PRINCIPAL_MISMATCH') })
    }
  }

  function read(text: string, isFresh: boolean): SessionToken {
    return readSessionToken(text, options, { now: clock(), mode: auth.getState().authMode, isFresh })
  }

  function settle(text: string, code: LatchkeyErrorCode | null): void {
    const waiting = waiters.get(text) ?? []
    waiters.delete(text)
    for (const { resolve, reject } of waiting) code === null ? resolve() : reject(new LatchkeyError(code))
  }

  return {
    auth,
    sink,
    options,
    driver,
    core: () => core,
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    dispatch,
    halt: () => void (isHalted = true),
    read,
    give(token) {
      const verdict = new Promise<void>((resolve, reject) => waiters.set(token.text, [...(waiters.get(token.text) ?? []), { resolve, reject }]))
      dispatch({ type: 'given', token })
      return verdict
    },
    wake(isOnline) {
      dueAlarm.check()
      if (!isOnline) return retryAlarm.check()
      dispatch({ type: 'networkFound' })
      retryAlarm.hurry()
    },
    owner: () => owner,
    disown: () => void (owner = null),
    fault,
  }
}

/** Calls an app's callback; what it throws, now or later, is the app's, and must not break the session. */
function guarded(callback: () => unknown): void {
  const show = (error: unknown): void => (globalThis.reportError ?? console.error)(error)
  try {
    Promise.resolve(callback()).catch(show)
  } catch (error) {
    show(error)
  }
}
