import type { AuthMode } from '../machine/state.ts'
import type { OwnedSession, ServerSession } from './types.ts'

/** A request without a credential. */
export const ANONYMOUS: ServerSession = Object.freeze({
  authMode: 'anonymous',
  principal: null,
  principals: Object.freeze([]),
  claims: Object.freeze({}),
})

/** Most aliases that a principal can have. */
export const MOST_ALIASES = 16

/** Most characters of a principal; OpenID Connect allows a `sub` no more. */
export const LONGEST_PRINCIPAL = 255

/** Tells whether a value can be a principal. */
export function isPrincipal(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_PRINCIPAL
}

/** Tells whether a value is a list of aliases. */
export function isAliasList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST_ALIASES && value.every(isPrincipal)
}

/** A session of one principal, which nobody can change. */
export function ownedSession(
  authMode: AuthMode,
  principal: string,
  aliases: readonly string[],
  claims: object,
): OwnedSession {
  const principals = Object.freeze([principal, ...aliases])
  return Object.freeze({ authMode, principal, principals, claims: Object.freeze(claims) as OwnedSession['claims'] })
}
