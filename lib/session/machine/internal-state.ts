import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AuthErrorKind, AuthMode } from '../../machine/state.ts'
import type { SessionToken } from './session-token.ts'
import type { SessionErrorKind } from '../transport.ts'

/** Everything that a session remembers. */
export interface InternalState {
  readonly stage: 'idle' | 'started' | 'ended'
  /** Connections are wanted: `autoConnect`, `connect()`. */
  readonly wanted: boolean
  /** Whose session is going on; null before the first token where `auth` is anonymous. */
  readonly principal: string | null
  /** The roles of this session; null before its first token. */
  readonly roles: string | null
  /** The mode of `auth` in which the roles were read. */
  readonly rolesMode: AuthMode
  /** The mode of `auth` that was seen last. */
  readonly mode: AuthMode
  /** The last token that the other side took. */
  readonly held: SessionToken | null
  /** A token that the other side has not judged yet. */
  readonly trial: SessionToken | null
  readonly connection: 'down' | 'opening' | 'up'
  /** Why authenticated traffic is paused. */
  readonly error: AuthErrorKind | null
  /** What was reported last, until a token is taken. */
  readonly failure: SessionErrorKind | null
  /** The text of a token that was refused: not sent again at once. */
  readonly refused: string | null
  /** Failures in a row; the waits between attempts grow with it. */
  readonly attempts: number
  /** When the connection came up with a good token, milliseconds since 1970; null while it is not. */
  readonly upSince: number | null
  /** The token on the wire is the one before: the replacement was refused. */
  readonly isFallback: boolean
}

/** What a step has to know of the world around. */
export interface World {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The mode of `auth`. */
  readonly mode: AuthMode
  /** The principal in force in `auth`. */
  readonly authPrincipal: string | null
  /** What is wrong with its credential. */
  readonly authError: AuthErrorKind | null
  /** The app gave a refresh handler. */
  readonly hasHandler: boolean
  /** The transport can replace a token on an open connection. */
  readonly canUpdate: boolean
  /** Milliseconds; Infinity unless told. */
  readonly interval: number
}

/** The session's principal is the one in force in `auth`. */
export function isBound({ principal }: InternalState, { authPrincipal }: World): boolean {
  return principal !== null && principal === authPrincipal
}

/** There is somebody to ask for a token of this principal, or of whoever there is. */
export function canRefresh(principal: string | null, { hasHandler, authPrincipal }: World): boolean {
  return hasHandler || (authPrincipal !== null && (principal === null || principal === authPrincipal))
}

/** Everything that can happen to a session. */
export interface SessionEvents {
  started: { readonly token: SessionToken | null; readonly principal: string | null; readonly connect: boolean }
  /** The token given at construction was not this person's. */
  startRefused: object
  /** The app handed over a fresh token. */
  given: { readonly token: SessionToken }
  /** A refresh brought a token. */
  fetched: { readonly token: SessionToken }
  /** A refresh brought null. */
  nothingFetched: object
  /** A refresh brought no answer; a verdict where one was in the error. */
  fetchFailed: { readonly isRejection: boolean }
  accepted: object
  rejected: { readonly kind: SessionErrorKind; readonly error: AuthErrorKind }
  lost: object
  /** The transport put the token in place. */
  replaced: { readonly text: string }
  /** The transport did not; refused, or without an answer. */
  notReplaced: { readonly text: string; readonly isRefused: boolean }
  /** It is time for a fresh token. */
  due: object
  /** It is time to try again. */
  retried: object
  networkFound: object
  /** Something about `auth` changed, but not the principal. */
  authChanged: object
  connectAsked: object
  disconnectAsked: object
  /** The principal in force changed: this session is over, the next may follow. */
  finished: object
  ended: object
}

/** The name of an event. */
export type SessionEventType = keyof SessionEvents

/** One event. */
export type SessionEvent = {
  [Type in SessionEventType]: { readonly type: Type } & SessionEvents[Type]
}[SessionEventType]

/** What has to be done after a step, in order. */
export type SessionEffect =
  | { readonly do: 'connect'; readonly token: SessionToken }
  | { readonly do: 'update'; readonly token: SessionToken }
  | { readonly do: 'hold'; readonly token: SessionToken }
  | { readonly do: 'disconnect'; readonly reason: 'paused' | 'ended' }
  /** Ask for a token, unless somebody is asking already; `fresh` passes over the one at hand. */
  | { readonly do: 'refresh'; readonly fresh: boolean }
  /** Whatever is being asked for is no longer wanted. */
  | { readonly do: 'dropRefresh' }
  /** Tell when it is time for a fresh token; never at Infinity. */
  | { readonly do: 'schedule'; readonly delay: number }
  /** Tell when it is time to try again; never at null. */
  | { readonly do: 'retry'; readonly attempt: number | null }
  /** Tell `auth` that a token of this mode was refused. */
  | { readonly do: 'reject'; readonly error: AuthErrorKind; readonly mode: AuthMode }
  /** Tell `auth` that a token of this mode was taken. */
  | { readonly do: 'accept'; readonly mode: AuthMode }
  | { readonly do: 'report'; readonly kind: SessionErrorKind }
  /** Tell whoever handed over this token what became of it; null is good. */
  | { readonly do: 'settle'; readonly text: string; readonly code: LatchkeyErrorCode | null }

/** What is remembered next, and what to do about it. */
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
  upSince: null,
  isFallback: false,
}
