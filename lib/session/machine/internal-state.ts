import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind, AuthMode } from '../../machine/state.ts'
import type { SessionToken } from './session-token.ts'
import type { SessionErrorKind } from '../transport.ts'

/** Everything that a session stores. */
export interface InternalState {
  readonly stage: 'idle' | 'started' | 'ended'
  /** The app wants a connection: `autoConnect`, `connect()`. */
  readonly wanted: boolean
  /** The principal of the session; null before the first token while `auth` is anonymous. */
  readonly principal: string | null
  /** The roles of this session; null before its first token. */
  readonly roles: string | null
  /** The mode of `auth` in which the roles were read. */
  readonly rolesMode: AuthMode
  /** The last known mode of `auth`. */
  readonly mode: AuthMode
  /** The last token that the server accepted. */
  readonly held: SessionToken | null
  /** A token that the server has not answered yet. */
  readonly trial: SessionToken | null
  readonly connection: 'down' | 'opening' | 'up'
  /** Why authenticated traffic is paused. */
  readonly error: AuthErrorKind | null
  /** The last reported kind, until a token is accepted. */
  readonly failure: SessionErrorKind | null
  /** The last refused token: not sent again immediately. */
  readonly refused: string | null
  /** Failures in a row, for the backoff. */
  readonly attempts: number
  /** Rejected connections in a row. Only the first one is answered by a fresh token at once. */
  readonly rejections: number
  /** When the connection came up with a good token, milliseconds since 1970; null while it is not. */
  readonly upSince: number | null
  /** The previous token is in use again: its replacement was refused. */
  readonly isFallback: boolean
}

/** What a transition needs to know about its surroundings. */
export interface World {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The mode of `auth`. */
  readonly mode: AuthMode
  /** The current principal of `auth`. */
  readonly authPrincipal: string | null
  /** The `error` of `auth`. */
  readonly authError: AuthErrorKind | null
  /** The app gave a refresh handler. */
  readonly hasHandler: boolean
  /** The transport can replace a token on an open connection. */
  readonly canUpdate: boolean
  /** Milliseconds; defaults to Infinity. */
  readonly interval: number
}

/** True if the session's principal is the current one of `auth`. */
export function isBound({ principal }: InternalState, { authPrincipal }: World): boolean {
  return principal !== null && principal === authPrincipal
}

/** True if a source can supply a token of this principal, or of any principal if it is null. */
export function canRefresh(principal: string | null, { hasHandler, authPrincipal }: World): boolean {
  return hasHandler || (authPrincipal !== null && (principal === null || principal === authPrincipal))
}

/** Every event of a session, with its payload. */
export interface SessionEvents {
  started: { readonly token: SessionToken | null; readonly principal: string | null; readonly connect: boolean }
  /** The app passed a fresh token to `update`. */
  given: { readonly token: SessionToken }
  /** A refresh returned a token. */
  fetched: { readonly token: SessionToken }
  /** A refresh returned null: the provider has no session. */
  nothingFetched: object
  /** A refresh threw. `isRejection`: the source has no token, in contrast to one that is unreachable. */
  fetchFailed: { readonly isRejection: boolean }
  accepted: object
  rejected: { readonly kind: SessionErrorKind; readonly error: AuthErrorKind }
  lost: object
  /** The transport replaced the token. */
  replaced: { readonly text: string }
  /** The transport did not replace the token: refused, or no answer. */
  notReplaced: { readonly text: string; readonly isRefused: boolean }
  /** A fresh token is due. */
  due: object
  /** A retry is due. */
  retried: object
  networkFound: object
  /** `auth` changed, but not its principal. */
  authChanged: object
  connectAsked: object
  disconnectAsked: object
  /** The principal of `auth` changed: this session is over, another one may follow. */
  finished: object
  ended: object
}

/** The name of an event. */
export type SessionEventType = keyof SessionEvents

/** One event. */
export type SessionEvent = {
  [Type in SessionEventType]: { readonly type: Type } & SessionEvents[Type]
}[SessionEventType]

/** What the runtime must do after a transition, in order. */
export type SessionEffect =
  | { readonly do: 'connect'; readonly token: SessionToken }
  | { readonly do: 'update'; readonly token: SessionToken }
  | { readonly do: 'hold'; readonly token: SessionToken }
  | { readonly do: 'disconnect'; readonly reason: 'paused' | 'ended' }
  /** Request a token, unless a request is running; `fresh` bypasses the cached one. */
  | { readonly do: 'refresh'; readonly fresh: boolean }
  /** Discard the answer of the running request. */
  | { readonly do: 'dropRefresh' }
  /** Schedule the next refresh; Infinity cancels it. */
  | { readonly do: 'schedule'; readonly delay: number }
  /** Schedule a retry; null cancels it. */
  | { readonly do: 'retry'; readonly attempt: number | null }
  /** Report to `auth` that a token of this mode was refused. */
  | { readonly do: 'reject'; readonly error: AuthErrorKind; readonly mode: AuthMode }
  /** Report to `auth` that a token of this mode was accepted. */
  | { readonly do: 'accept'; readonly mode: AuthMode }
  /** Call `onSessionError`: the server does not accept any token of this session. */
  | { readonly do: 'report'; readonly kind: SessionErrorKind }
  /** End the session, as the app's `end()` does. */
  | { readonly do: 'end' }
  /** Call `onFault`: a token was refused, and the session goes on. */
  | { readonly do: 'fault'; readonly code: LatchkeyErrorCode }
  /** Settle the `update` call that passed this token; null for success. */
  | { readonly do: 'settle'; readonly text: string; readonly code: LatchkeyErrorCode | null }

/** The next state and its effects. */
export type Step = readonly [state: InternalState, ...effects: SessionEffect[]]

/** Before the first start. */
export const INITIAL_STATE: InternalState = {
  stage: 'idle',
  wanted: false,
  principal: null,
  roles: null,
  rolesMode: 'anonymous',
  mode: 'anonymous',
  held: null,
  trial: null,
  connection: 'down',
  error: null,
  failure: null,
  refused: null,
  attempts: 0,
  rejections: 0,
  upSince: null,
  isFallback: false,
}
