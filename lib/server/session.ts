import type { AuthMode } from '../machine/state.ts'
import { isPlainText } from '../plain-text.ts'
import type { OwnedSession, ServerSession } from './types.ts'

/** The session of a request without a credential. */
export const ANONYMOUS: ServerSession = Object.freeze({
  authMode: 'anonymous',
  principal: null,
  principals: Object.freeze([]),
  claims: Object.freeze({}),
})

/** Largest number of aliases of a principal. */
export const MOST_ALIASES = 16

/** Longest principal, in characters: the limit of `sub` in OpenID Connect. */
export const MAX_PRINCIPAL_CHARACTERS = 255

/** Returns true if a value is a valid principal. */
export function isPrincipal(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_PRINCIPAL_CHARACTERS && isPlainText(value)
}

/** Returns true if a value is a valid list of aliases. */
export function isAliasList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST_ALIASES && value.every(isPrincipal)
}

/** Creates an immutable session of one principal. */
export function ownedSession(
  authMode: AuthMode,
  principal: string,
  aliases: readonly string[],
  claims: object,
): OwnedSession {
  const principals = Object.freeze([principal, ...aliases])
  return Object.freeze({ authMode, principal, principals, claims: Object.freeze(claims) as OwnedSession['claims'] })
}
