import { ERROR_TABLE } from '../../error-table.ts'
import { type LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { SessionTimer } from '../../session/options.ts'
import { SYSTEM_TIMER } from '../../session/system-timer.ts'
import { TOKEN_HEADER } from '../token-header.ts'
import type { ServerSession, SessionResolver, SessionSource } from '../types.ts'
import type { Roles } from '../../claim-pattern.ts'
import { requireSameSession } from '../roles.ts'
import { createSocketExpiry } from './socket-expiry.ts'

/** The part of a WebSocket that is used here; every implementation has it. */
export interface ClosableSocket {
  /** Starts to close. Messages that arrive afterwards belong to an anonymous session. */
  close(code: number, reason: string): unknown
}

/** Options of {@link createSocketSession}. */
export interface SocketSessionOptions {
  /** The app's roles, which a new token must not change. Defaults to comparing the claims `role` and `roles`. */
  readonly roles?: Roles
  /** The source of the session. For `backend`, later tokens are ignored; for `cookie`, the first token replaces it. */
  readonly source?: SessionSource
  /**
   * Longest time in milliseconds that a credential is valid on an open socket, whatever its own expiry. Set it for
   * cookies and impersonation, which have no expiry: otherwise a socket stays open after a sign-out.
   */
  readonly longest?: number
  /**
   * Called and awaited with the session of each new token, before it replaces the current one: for what the socket is
   * open to. It may close the socket and call `end`. If it throws, the token could not be checked: the current one
   * stays in use until it expires, and `onError` gets the error.
   */
  readonly check?: (next: ServerSession) => unknown
  /**
   * Receives errors of your lookups and of `check` while a token is refreshed. Defaults to `console.error`. It must not
   * throw.
   */
  readonly onError?: (error: unknown) => void
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** Timers. Defaults to the system's. */
  readonly timer?: SessionTimer
}

/**
 * The outcome of a new token. `unavailable`: it could not be checked. `ignored`: it was not checked, and the session
 * stays as it was.
 */
export type RefreshOutcome = 'accepted' | 'refused' | 'unavailable' | 'ignored'

/** The session of an open socket. */
export interface SocketSession {
  /**
   * The current session. Read it for each message: it is anonymous after the socket is closed or the token has expired.
   */
  readonly current: ServerSession
  /**
   * Replaces the current token with a new one of the same principal and roles, or sets the first one of a socket that
   * is anonymous or was opened by a cookie. Any other token closes the socket. Tokens are checked one after another.
   */
  refresh(token: unknown): Promise<RefreshOutcome>
  /** Call it when the socket has closed: stops the timers. */
  end(): void
}

/** Close code for an invalid credential. The close reason is its kind, for the client. */
const REFUSED = 4401
/** RFC 6455 §7.4.1: the peer violates a rule of this side. */
const POLICY_VIOLATION = 1008
/** Largest number of tokens that wait to be checked. No client needs more than one. */
const MOST_WAITING = 4

/**
 * Manages the session of one open socket: closes it with 4401 and `expired` when its token expires, and accepts new
 * tokens.
 *
 * @param session - the session of the upgrade request
 * @throws {TypeError} an option is invalid
 */
export function createSocketSession(
  resolver: SessionResolver,
  session: ServerSession,
  socket: ClosableSocket,
  options: SocketSessionOptions = {},
): SocketSession {
  const { roles, source, longest = Infinity, check, clock = Date.now, timer = SYSTEM_TIMER } = options
  const { onError = console.error } = options
  if (!(longest > 0)) throw new TypeError('longest: expected a number of milliseconds')
  const expiry = createSocketExpiry(session, { longest, clock, timer }, () => socket.close(REFUSED, 'expired'))
  /** Later tokens must continue the session. An anonymous socket, and one that a cookie opened, takes its first one. */
  let hasToken = session.principal !== null && source !== 'cookie'
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  function close(code: number, reason: string): 'refused' {
    if (expiry.isOver) return 'refused'
    expiry.end()
    socket.close(code, reason)
    return 'refused'
  }
  async function judge(token: unknown): Promise<RefreshOutcome> {
    if (expiry.isOver) return 'refused'
    const found = await resolver.resolve({
      headers: { [resolver.tokenHeader ?? TOKEN_HEADER]: typeof token === 'string' ? `Bearer ${token}` : '' },
    })
    if (expiry.isOver) return 'refused'
    if (!found.ok) return found.error === 'unavailable' ? 'unavailable' : close(REFUSED, found.error)
    // As in a request, a token counts more than a cookie, which has no roles and may be an account's before an upgrade.
    if (hasToken) requireSameSession(expiry.session, found.session, roles)
    try {
      await check?.(found.session)
    } catch (error) {
      // Of any kind: also an error of Latchkey says nothing about the token here.
      onError(error)
      return expiry.isOver ? 'refused' : 'unavailable'
    }
    if (expiry.isOver) return 'refused'
    expiry.replace(found.session)
    hasToken = true
    return expiry.isOver ? 'refused' : 'accepted'
  }
  function fail(error: unknown): RefreshOutcome {
    if (isLatchkeyError(error)) return close(REFUSED, reasonOf(error))
    onError(error)
    return 'unavailable'
  }

  return {
    get current() {
      return expiry.session
    },
    async refresh(token) {
      if (source === 'backend') return expiry.isOver ? 'refused' : 'ignored'
      if (waiting >= MOST_WAITING) return close(POLICY_VIOLATION, 'too many tokens')
      waiting++
      const outcome = last.then(() => judge(token)).catch(fail)
      last = outcome
      return outcome.finally(() => waiting--)
    },
    end: expiry.end,
  }
}

/** For the client: a change of its own roles is no secret, and needs a different reaction. */
function reasonOf({ code }: LatchkeyError): string {
  return code === 'ROLES_MISMATCH' ? code : (ERROR_TABLE[code].state ?? 'invalid')
}
