import { LatchkeyError } from '../../errors.ts'
import { createMachine } from '../../machine/create-machine.ts'
import { holdSnapshot } from '../../machine/snapshot.ts'
import { guarded } from '../../machine/guarded.ts'
import { createDeadline } from './deadline.ts'
import { backoff } from './backoff.ts'
import type { ConnectedSession } from '../connected-session.ts'
import {
  type InternalState,
  INITIAL_STATE,
  type SessionEffect,
  type SessionEvent,
  type World,
} from '../machine/internal-state.ts'
import { createConnection } from './connection.ts'
import { takeOver } from './hand-over.ts'
import type { SessionAuth, SessionOptions } from '../options.ts'
import { SYSTEM_TIMER } from '../system-timer.ts'
import { createAnswerHandler } from './refresh-answer.ts'
import { type RefreshAnswer, createRefresher } from './refresher.ts'
import { readSessionToken } from './read-token.ts'
import type { SessionTransport } from '../transport.ts'
import { type SessionState, snapshotOf } from '../machine/snapshot.ts'
import { step } from '../machine/transition.ts'
import { createPendingResults } from './pending-results.ts'
import type { SessionRuntime } from './runtime.ts'

/** Effects that call the app, the transport or `auth`. */
const OUTWARD: readonly SessionEffect['do'][] = [
  'connect',
  'update',
  'hold',
  'refresh',
  'reject',
  'accept',
  'report',
  'fault',
]

/** Creates the runtime of a session. It touches no global. */
export function createSessionRuntime(
  auth: SessionAuth,
  transport: SessionTransport,
  options: SessionOptions,
  self: () => ConnectedSession,
): SessionRuntime {
  const { clock = Date.now, timer = SYSTEM_TIMER, refresh, audience } = options
  let isHalted = false
  const machine = createMachine<InternalState, SessionEvent, SessionEffect, SessionState>({
    initial: INITIAL_STATE,
    transition: (core, event) => step(core, event, worldOf(runtime, clock())),
    show: snapshotOf,
    holder: holdSnapshot(snapshotOf(INITIAL_STATE)),
    record({ event, before, state }) {
      if (event.type === 'started') isHalted = false
      if (before.principal === state.principal) return
      runtime.turn++
      // What was written locally during a session belongs to its principal, with or without a connection.
      runtime.owner ??= before.principal
    },
    perform: (effect) => (isHalted && OUTWARD.includes(effect.do) ? undefined : perform(runtime, effect)),
  })
  const { dispatch } = machine
  const fault = (error: unknown): void => void guarded(() => options.onFault?.(error))
  const source = (fresh: boolean): unknown =>
    refresh?.handler ? refresh.handler() : auth.getToken({ fresh, ...(audience !== undefined && { audience }) })
  const runtime: SessionRuntime = {
    ...machine,
    auth,
    transport,
    options,
    connection: createConnection(transport, timer, dispatch, fault, (from, to) => takeOver(runtime, from, to)),
    pendingResults: createPendingResults(),
    refresher: createRefresher(timer, source, (answer) => take(answer)),
    due: createDeadline(clock, timer, () => dispatch({ type: 'due' })),
    retry: createDeadline(clock, timer, () => dispatch({ type: 'retried' })),
    read: (text, isFresh) => readSessionToken(text, options, { now: clock(), mode: auth.getState().authMode, isFresh }),
    owner: null,
    decision: null,
    turn: 0,
    halt: () => void (isHalted = true),
    fault,
    self,
  }
  const take: (answer: RefreshAnswer) => void = createAnswerHandler(runtime)
  return runtime
}

function worldOf({ auth, transport, options: { refresh } }: SessionRuntime, now: number): World {
  const { authMode, session, error = null } = auth.getState()
  const { handler, interval = Infinity } = refresh ?? {}
  return {
    now,
    mode: authMode,
    authPrincipal: session?.principal ?? null,
    authError: error,
    hasHandler: handler !== undefined,
    canUpdate: transport.update !== undefined,
    interval,
  }
}

function perform(runtime: SessionRuntime, effect: SessionEffect): void {
  const { auth, options, connection } = runtime
  switch (effect.do) {
    case 'connect':
    case 'hold':
      runtime.owner = effect.token.principal
      return connection[effect.do](effect.token)
    case 'update':
      return connection.update(effect.token)
    case 'disconnect':
      return connection.disconnect(effect.reason)
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
      // Also if it shows no error: right after its start it hears of a refusal later.
      return tellAuth(runtime, effect.mode, () => auth.reportToken(null))
    case 'report':
      return void guarded(() => options.onSessionError?.(effect.kind, runtime.self()))
    case 'end':
      return void runtime.self().end()
    case 'fault':
      return runtime.fault(new LatchkeyError(effect.code))
    case 'settle':
      return runtime.pendingResults.settle(effect.text, effect.code)
  }
}

/** Reports to `auth` only if the token belongs to its current credential. */
function tellAuth({ auth, state }: SessionRuntime, mode: World['mode'], tell: () => unknown): void {
  const { authMode, session } = auth.getState()
  if (session && session.principal === state().principal && authMode === mode) tell()
}
