import { ERROR_TABLE } from '../../error-table.ts'
import { type LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { SessionTimer } from '../../session/options.ts'
import { TOKEN_HEADER } from '../request.ts'
import type { ServerSession, SessionResolver, SessionSource } from '../types.ts'
import type { Roles } from '../../claim-pattern.ts'
import { requireSameSession } from '../roles.ts'
import { createSocketExpiry } from './socket-expiry.ts'

/** What every WebSocket can do, whoever made it. */
export interface ClosableSocket {
  /** Begins to close; what still comes in after that is answered as from nobody. */
  close(code: number, reason: string): unknown
}

/** Options of {@link createSocketSession}. */
export interface SocketSessionOptions {
  /** The app's roles, which a fresh token may not change; unless given, the claims `role` and `roles` are compared. */
  readonly roles?: Roles
  /** What told whom the socket belongs to. Where a `backend` spoke for somebody, tokens that come later are ignored. */
  readonly source?: SessionSource
  /**
   * Milliseconds that a credential counts on an open socket, however long it lasts. Give it with cookies and
   * impersonation, which have no end: a socket stays open after a sign-out that it never hears of.
   */
  readonly longest?: number
  /** Hears what a lookup of yours threw while a token was refreshed. Defaults to `console.error`; it must not throw. */
  readonly onError?: (error: unknown) => void
  /** Milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** Timers. Defaults to the system's. */
  readonly timer?: SessionTimer
}

/**
 * What came of a fresh token; `unavailable` is no verdict on it, and with `ignored` nobody looked at it: the session
 * before stays in force.
 */
export type RefreshOutcome = 'accepted' | 'refused' | 'unavailable' | 'ignored'

/** Who an open socket belongs to. */
export interface SocketSession {
  /** The current session. Ask at each message: once the socket was closed, or the token has ended, it is anonymous. */
  readonly current: ServerSession
  /**
   * Puts a fresh token in place of the one in force: of the same principal and the same roles, or a first one on an
   * anonymous socket. Any other closes the socket. Tokens are judged one after another.
   */
  refresh(token: unknown): Promise<RefreshOutcome>
  /** The socket is closed: nothing is awaited any more. */
  end(): void
}

/** Close code for a credential that does not hold; the reason is the word for the client. */
const REFUSED = 4401
/** RFC 6455 §7.4.1: the other side breaks a rule of this one. */
const POLICY_VIOLATION = 1008
/** Tokens that wait to be judged. Nobody needs more than one. */
const MOST_WAITING = 4

/**
 * Watches over one open socket: closes it with 4401 and `expired` when its token ends, and takes fresh tokens.
 *
 * @param session - whom the upgrade request came from
 * @throws {TypeError} an option is invalid
 */
export function createSocketSession(
  resolver: SessionResolver,
  session: ServerSession,
  socket: ClosableSocket,
  options: SocketSessionOptions = {},
): SocketSession {
  const { roles, source, longest = Infinity, onError = console.error, clock = Date.now, timer = SYSTEM_TIMER } = options
  if (!(longest > 0)) throw new TypeError('longest: expected milliseconds')
  const term = createSocketExpiry(session, { longest, clock, timer }, () => socket.close(REFUSED, 'expired'))
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  function close(code: number, reason: string): 'refused' {
    if (term.isOver) return 'refused'
    term.end()
    socket.close(code, reason)
    return 'refused'
  }
  async function judge(token: unknown): Promise<RefreshOutcome> {
    if (term.isOver) return 'refused'
    const found = await resolver.resolve({
      headers: { [resolver.tokenHeader ?? TOKEN_HEADER]: typeof token === 'string' ? `Bearer ${token}` : '' },
    })
    if (term.isOver) return 'refused'
    if (!found.ok) return found.error === 'unavailable' ? 'unavailable' : close(REFUSED, found.error)
    // An anonymous socket belongs to nobody yet.
    if (term.session.principal !== null) requireSameSession(term.session, found.session, roles)
    term.put(found.session)
    return term.isOver ? 'refused' : 'accepted'
  }
  function fail(error: unknown): RefreshOutcome {
    if (isLatchkeyError(error)) return close(REFUSED, wordOf(error))
    onError(error)
    return 'unavailable'
  }

  return {
    get current() {
      return term.session
    },
    async refresh(token) {
      if (source === 'backend') return term.isOver ? 'refused' : 'ignored'
      if (waiting >= MOST_WAITING) return close(POLICY_VIOLATION, 'too many tokens')
      waiting++
      const outcome = last.then(() => judge(token)).catch(fail)
      last = outcome
      return outcome.finally(() => waiting--)
    },
    end: term.end,
  }
}

/** For the client: that its own roles are others is no secret, and it goes on differently. */
function wordOf({ code }: LatchkeyError): string {
  return code === 'ROLES_MISMATCH' ? code : (ERROR_TABLE[code].state ?? 'invalid')
}

const SYSTEM_TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
}
