import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { withTimeout } from './timeout.ts'
import type { SessionEvent } from '../machine/internal-state.ts'
import type { SessionTimer } from '../options.ts'
import type { SessionToken } from '../machine/session-token.ts'
import type { SessionConnection, SessionTransport } from '../transport.ts'
import { errorOf, kindOf } from '../machine/error-kind.ts'

/** How long a promise of `transport.connect` may stay open without a report of the connection. */
const CONNECT_TIMEOUT_MS = 30_000

/** How long `transport.update` may take. */
const UPDATE_TIMEOUT_MS = 30_000

/** How long a caller of `clear` waits. */
const CLEAR_TIMEOUT_MS = 30_000

/** How long the next connection waits for `transport.disconnect`. */
const DISCONNECT_TIMEOUT_MS = 5000

/** Drives the transport: one connection at a time. Reports of an earlier connection are ignored. */
export interface Connection {
  connect(token: SessionToken): void
  update(token: SessionToken): void
  hold(token: SessionToken): void
  disconnect(reason: 'paused' | 'ended'): void
  /** Resolves once the transport has disconnected, or takes too long; never rejects. */
  settled(): Promise<unknown>
  /**
   * Deletes the local data, and takes the connection for that, unless it is handing over. The next connection waits for
   * it. Rejects with what the transport throws, or with `OFFLINE` if it takes too long.
   */
  clear(): Promise<void>
}

/**
 * Creates the driver of a transport.
 *
 * @param dispatch - called with what happens to a connection
 * @param handOver - waits for the app to handle another user's data
 * @param fault - called with what the transport throws
 */
export function createConnection(
  transport: SessionTransport,
  timer: SessionTimer,
  dispatch: (event: SessionEvent) => void,
  fault: (error: unknown) => void,
  handOver: (from: string, to: string) => Promise<void>,
): Connection {
  const gate = createGate()
  let epoch = 0
  let updates: Promise<unknown> = Promise.resolve()

  let stopWaiting = (): void => {}
  let canInterrupt = (): boolean => false

  /** Waits for the transport, at most until the connection is over. */
  const inTime = (milliseconds: number, work: unknown): Promise<unknown> =>
    withTimeout(timer, milliseconds, Promise.race([work, new Promise<void>((resolve) => (stopWaiting = resolve))]))
  /** Reports and results of the connection until now are ignored. */
  const leave = (): number => {
    stopWaiting()
    return ++epoch
  }
  const stop = (reason: 'paused' | 'ended'): void =>
    attempt(() => {
      const work = transport.disconnect(reason)
      if (isPromise(work)) gate.occupy(withTimeout(timer, DISCONNECT_TIMEOUT_MS, work).catch(fault))
    }, fault)

  const open = ({ text, principal }: SessionToken, mine: number): void => {
    if (mine !== epoch) return
    const isMine = (): boolean => mine === epoch
    let isAccepted = false
    let isHandingOver = false
    let limit = (): void => {}
    // A transport may report it again, with any message: that is no answer to an update.
    const onAccepted = (): void => {
      if (!isAccepted) stopWaiting()
      isAccepted = true
    }
    const requireMine = (): void => {
      if (!isMine()) throw new LatchkeyError('SESSION_ENDED', 'the connection is over')
    }
    // The app may ask the user, which takes as long as it takes.
    const onHandOver = async (from: string): Promise<void> => {
      requireMine()
      isHandingOver = true
      stopWaiting()
      await handOver(from, principal)
      // The app may have cleared the data without waiting for it.
      await gate.settled()
      isHandingOver = false
      requireMine()
      limit()
    }
    canInterrupt = () => isMine() && !isHandingOver
    const connection = createHandle(principal, dispatch, { isMine, onAccepted, onHandOver, leave })
    const lose = (error: unknown): void => {
      // That this connection is over is no fault.
      if (isMine() || !isLatchkeyError(error, 'SESSION_ENDED')) fault(error)
      connection.lost()
    }
    attempt(() => {
      const work = transport.connect(text, connection)
      if (!isPromise(work) || mine !== epoch || isAccepted) return work
      const done = work.then(undefined, () => {})
      limit = () =>
        void inTime(CONNECT_TIMEOUT_MS, done).catch((error: unknown) => {
          // The next connection must not meet what is left of this one.
          stop('paused')
          lose(error)
        })
      if (!isHandingOver) limit()
      return work
    }, lose)
  }
  const replace = async ({ text }: SessionToken, mine: number): Promise<void> => {
    if (mine !== epoch) return
    const event = await tryUpdate(text, () => inTime(UPDATE_TIMEOUT_MS, transport.update?.(text)), fault)
    if (mine === epoch) dispatch(event)
  }

  return {
    connect(token) {
      const mine = leave()
      updates = Promise.resolve()
      gate.pass(() => open(token, mine))
    },
    update(token) {
      const mine = epoch
      updates = updates.then(() => replace(token, mine))
    },
    hold({ text }) {
      const mine = epoch
      gate.pass(() => void (mine === epoch && attempt(() => transport.hold?.(text), fault)))
    },
    disconnect(reason) {
      leave()
      stop(reason)
    },
    settled: () => withTimeout(timer, DISCONNECT_TIMEOUT_MS, gate.settled()).catch(() => {}),
    clear() {
      const isInterrupted = canInterrupt()
      if (isInterrupted) {
        leave()
        stop('paused')
      }
      const cleared = gate.settled().then(async () => void (await transport.clear?.()))
      // Not only as long as the caller waits: a late deletion would take what the next session has written.
      gate.occupy(cleared.catch(() => {}))
      if (isInterrupted) {
        dispatch({ type: 'lost' })
        // At once: the server did not fail.
        dispatch({ type: 'retried' })
      }
      return withTimeout(timer, CLEAR_TIMEOUT_MS, cleared)
    },
  }
}

interface Gate {
  /** Holds back calls until this is done. It must not reject. */
  occupy(work: PromiseLike<unknown>): void
  /** Calls now, or as soon as the gate is free. */
  pass(call: () => void): void
  settled(): Promise<unknown>
}

/** Makes the next connection wait until the transport has finished disconnecting or clearing. */
function createGate(): Gate {
  let busy: Promise<unknown> | null = null
  const pass = (call: () => void): void => (busy ? void busy.then(() => pass(call)) : call())
  return {
    pass,
    occupy(work) {
      const done: Promise<unknown> = Promise.all([busy, work]).then(() => void (busy === done && (busy = null)))
      busy = done
    },
    settled: async () => busy,
  }
}

/** Returns the outcome; no answer in time does not count as a refusal. */
async function tryUpdate(
  text: string,
  update: () => Promise<unknown>,
  fault: (error: unknown) => void,
): Promise<SessionEvent> {
  try {
    await update()
    return { type: 'replaced', text }
  } catch (error) {
    fault(error)
    return { type: 'notReplaced', text, isRefused: !isLatchkeyError(error, 'OFFLINE') }
  }
}

/** What a handle uses of its connection. */
interface HandleTools {
  readonly isMine: () => boolean
  readonly onAccepted: () => void
  readonly onHandOver: (from: string) => Promise<void>
  readonly leave: () => void
}

function createHandle(
  principal: string,
  dispatch: (event: SessionEvent) => void,
  { isMine, onAccepted, onHandOver, leave }: HandleTools,
): SessionConnection {
  const connection: SessionConnection = {
    principal,
    accepted() {
      if (!isMine()) return
      onAccepted()
      dispatch({ type: 'accepted' })
    },
    rejected(why) {
      const error = errorOf(why)
      // Other names, such as `unavailable`, do not judge the token.
      if (!error) connection.lost()
      else if (isMine()) dispatch({ type: 'rejected', kind: kindOf(why), error })
    },
    lost() {
      if (!isMine()) return
      leave()
      dispatch({ type: 'lost' })
    },
    handOver: onHandOver,
  }
  return connection
}

/** Calls a function that may throw or return a rejecting promise. */
function attempt(call: () => unknown, fail: (error: unknown) => void): void {
  try {
    const answer = call()
    if (isPromise(answer)) answer.then(undefined, fail)
  } catch (error) {
    fail(error)
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
