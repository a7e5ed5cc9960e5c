import { isLatchkeyError } from '../errors.ts'
import { within } from './bounded.ts'
import type { SessionEvent } from './core.ts'
import type { SessionTimer } from './options.ts'
import type { SessionToken } from './session-token.ts'
import type { SessionLink, SessionSink } from './sink.ts'
import { errorOf, kindOf } from './verdict.ts'

/** How long a sink may take to put a token in place, in milliseconds. */
const UPDATE_TIME = 30_000

/** How long the next connection waits for the one before to be let go, in milliseconds. */
const SETTLE_TIME = 5000

/** Calls the sink: one connection at a time, and nothing that an earlier one says counts. */
export interface Driver {
  connect(token: SessionToken): void
  update(token: SessionToken): void
  hold(token: SessionToken): void
  disconnect(reason: 'paused' | 'ended'): void
  /** Resolves when the sink has done with disconnecting; never rejects. */
  settled(): Promise<unknown>
  /** Deletes the local data; a connection waits for it. Rejects with what the sink throws. */
  clear(): Promise<void>
}

/**
 * Makes what calls the sink.
 *
 * @param dispatch - told what becomes of a connection
 * @param fault - told what the sink throws
 */
export function createDriver(sink: SessionSink, timer: SessionTimer, dispatch: (event: SessionEvent) => void, fault: (error: unknown) => void): Driver {
  let epoch = 0
  let busy: Promise<unknown> | null = null
  let updates: Promise<unknown> = Promise.resolve()

  /** The next connection waits for what the sink still does. */
  const occupy = (work: PromiseLike<unknown>): void => {
    const done = Promise.all([busy, work]).then(() => void (busy === done && (busy = null)))
    busy = done
  }
  const open = (token: SessionToken, mine: number): void => {
    if (mine !== epoch) return
    const lose = (error: unknown): void => {
      fault(error)
      link.lost()
    }
    const link = createLink(token.principal, dispatch, () => mine === epoch, () => void epoch++)
    attempt(() => sink.connect(token.text, link), lose)
  }
  const replace = async (token: SessionToken, mine: number): Promise<void> => {
    if (mine !== epoch) return
    const { text } = token
    const outcome = await within(timer, UPDATE_TIME, Promise.resolve(sink.update?.(text))).then(() => null, (error: unknown) => ({ error }))
    if (mine !== epoch) return
    if (outcome) fault(outcome.error)
    dispatch(outcome ? { type: 'notReplaced', text, isRefused: !isLatchkeyError(outcome.error, 'OFFLINE') } : { type: 'replaced', text })
  }

  return {
    connect(token) {
      const mine = ++epoch
      updates = Promise.resolve()
      if (busy) void busy.then(() => open(token, mine))
      else open(token, mine)
    },
    update(token) {
      const mine = epoch
      updates = updates.then(() => replace(token, mine))
    },
    hold: (token) => attempt(() => sink.hold?.(token.text), fault),
    disconnect(reason) {
      epoch++
      attempt(() => {
        const work = sink.disconnect(reason)
        if (isPromise(work)) occupy(within(timer, SETTLE_TIME, work).catch(fault))
      }, fault)
    },
    settled: async () => busy,
    clear() {
      const cleared = Promise.resolve(busy).then(async () => void (await sink.clear?.()))
      occupy(cleared.catch(() => {}))
      return cleared
    },
  }
}

function createLink(principal: string, dispatch: (event: SessionEvent) => void, isMine: () => boolean, leave: () => void): SessionLink {
  return {
    principal,
    accepted: () => void (isMine() && dispatch({ type: 'accepted' })),
    rejected: (why) => void (isMine() && dispatch({ type: 'rejected', kind: kindOf(why), error: errorOf(why) })),
    lost() {
      if (!isMine()) return
      leave()
      dispatch({ type: 'lost' })
    },
  }
}

/** Calls what may throw at once or reject later. */
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
