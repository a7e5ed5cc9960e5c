import { createDeadline } from '../../session/runtime/deadline.ts'
import type { SessionTimer } from '../../session/options.ts'
import { ANONYMOUS } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** The current session of a socket, until it expires. */
export interface SocketExpiry {
  /** Anonymous after expiry. */
  readonly session: ServerSession
  readonly isOver: boolean
  replace(next: ServerSession): void
  end(): void
}

/** The clock, the timers, and the longest duration of a session. */
export interface ExpiryOptions {
  /** In milliseconds. */
  readonly longest: number
  readonly clock: () => number
  readonly timer: SessionTimer
}

/** @param onExpired - called once, when the current session expires */
export function createSocketExpiry(
  first: ServerSession,
  { longest, clock, timer }: ExpiryOptions,
  onExpired: () => void,
): SocketExpiry {
  let current = first
  let deadline = Infinity
  let isOver = false
  const timeout = createDeadline(clock, timer, expire)

  function end(): void {
    isOver = true
    timeout.set(Infinity)
  }
  function expire(): void {
    if (isOver) return
    end()
    onExpired()
  }
  /** A timer can be late, so every use also checks the clock. */
  function hasEnded(): boolean {
    if (!(clock() < deadline)) expire()
    return isOver
  }
  function replace(next: ServerSession): void {
    current = next
    deadline = deadlineOf(next, clock() + longest)
    if (!hasEnded()) timeout.set(deadline - clock())
  }

  replace(first)
  return {
    get session() {
      return hasEnded() ? ANONYMOUS : current
    },
    get isOver() {
      return hasEnded()
    },
    replace,
    end,
  }
}

/** Milliseconds since 1970. A claim that is no number sets no limit: the token was already verified. */
function deadlineOf({ claims, principal }: ServerSession, latest: number): number {
  if (principal === null) return Infinity
  const exp = claims['exp']
  return Math.min(typeof exp === 'number' ? exp * 1000 : Infinity, latest)
}
