import { createDeadline } from '../../session/runtime/deadline.ts'
import type { SessionTimer } from '../../session/options.ts'
import { ANONYMOUS } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** The current session on a socket, until its end. */
export interface SocketExpiry {
  /** Anonymous once it has ended. */
  readonly session: ServerSession
  readonly isOver: boolean
  put(next: ServerSession): void
  end(): void
}

/** How time is told, and how long a session counts at most. */
export interface ExpiryOptions {
  /** Milliseconds. */
  readonly longest: number
  readonly clock: () => number
  readonly timer: SessionTimer
}

/** @param onExpired - called once, when the current session has come to its end by itself */
export function createSocketExpiry(
  first: ServerSession,
  { longest, clock, timer }: ExpiryOptions,
  onExpired: () => void,
): SocketExpiry {
  let inForce = first
  let deadline = Infinity
  let isOver = false
  const alarm = createDeadline(clock, timer, expire)

  function end(): void {
    isOver = true
    alarm.set(Infinity)
  }
  function expire(): void {
    if (isOver) return
    end()
    onExpired()
  }
  /** A timer can be late, so the clock is asked at each use as well. */
  function hasEnded(): boolean {
    if (!(clock() < deadline)) expire()
    return isOver
  }
  function put(next: ServerSession): void {
    inForce = next
    deadline = deadlineOf(next, clock() + longest)
    if (!hasEnded()) alarm.set(deadline - clock())
  }

  put(first)
  return {
    get session() {
      return hasEnded() ? ANONYMOUS : inForce
    },
    get isOver() {
      return hasEnded()
    },
    put,
    end,
  }
}

/** Milliseconds since 1970. What is no time is none: whoever made the session has checked its token. */
function deadlineOf({ claims, principal }: ServerSession, latest: number): number {
  if (principal === null) return Infinity
  const exp = claims['exp']
  return Math.min(typeof exp === 'number' ? exp * 1000 : Infinity, latest)
}
