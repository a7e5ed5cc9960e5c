import { LatchkeyError } from '../errors.ts'
import { comparable } from '../comparable.ts'
import type { ServerSession } from './types.ts'

/** Expected value of a claim. A string that begins with `$` is a wildcard: it matches any value and names it. */
export type ClaimPattern =
  | string
  | number
  | boolean
  | null
  | readonly ClaimPattern[]
  | { readonly [claim: string]: ClaimPattern }

/** Claims that must be present, nested as in the token. Further claims are ignored. */
export type ClaimsPattern = Readonly<Record<string, ClaimPattern>>

/** Roles by name, as in Triplit's schema. */
export type Roles = Readonly<Record<string, { readonly match: ClaimsPattern }>>

/** A role that a session has, with the values of its wildcards. */
export interface SessionRole {
  readonly key: string
  readonly roleVars: Readonly<Record<string, unknown>>
}

/**
 * Matches claims as Triplit matches roles (https://www.triplit.dev/docs/schemas/permissions), with four differences,
 * each of them stricter: inherited properties are not claims, null matches only null, a nested pattern matches only an
 * object (a list only a list), and a wildcard that occurs twice must match the same value.
 *
 * @returns the wildcards' values by name without `$`; null if the claims do not match
 */
export function matchClaims(
  pattern: ClaimsPattern,
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | null {
  const taken = new Map<string, unknown>()
  return matchMembers(pattern, claims, taken) ? Object.fromEntries(taken) : null
}

/**
 * Returns the roles of a session, in the order of their definition. `sub` in a pattern is the principal, whichever
 * issuer signed the token: `{ match: { sub: '$userId' } }` gives the user's id.
 */
export function rolesOf(roles: Roles, session: ServerSession): readonly SessionRole[] {
  const claims = effectiveClaims(session)
  return Object.entries(roles).flatMap(([key, { match }]) => {
    const roleVars = matchClaims(match, claims)
    return roleVars ? [{ key, roleVars }] : []
  })
}

/**
 * Requires that a new token continues a session: same principal, same roles.
 *
 * @param before - the current session
 * @param after - the session of the new token
 * @param roles - the app's roles. Defaults to comparing the claims `role` and `roles`
 * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`, `ROLES_MISMATCH`
 */
export function requireSameSession(before: ServerSession, after: ServerSession, roles?: Roles): void {
  if (before.principal !== after.principal) throw new LatchkeyError('PRINCIPAL_MISMATCH')
  const rolesIn = (session: ServerSession): unknown =>
    roles ? rolesOf(roles, session) : [session.claims['role'], session.claims['roles']].flat()
  if (comparable(rolesIn(before)) !== comparable(rolesIn(after))) throw new LatchkeyError('ROLES_MISMATCH')
}

/**
 * Returns the claims with the principal as `sub`: the `sub` of a namespaced issuer must not be taken for a user of the
 * first issuer.
 */
export function effectiveClaims({ claims, principal }: ServerSession): Readonly<Record<string, unknown>> {
  const { sub: _, ...others } = claims
  return principal === null ? others : { ...others, sub: principal }
}

function matchMembers(pattern: object, value: object, taken: Map<string, unknown>): boolean {
  return Object.entries(pattern).every(
    ([name, part]) =>
      Object.hasOwn(value, name) && matchValue(part as ClaimPattern, (value as Record<string, unknown>)[name], taken),
  )
}

function matchValue(pattern: ClaimPattern, value: unknown, taken: Map<string, unknown>): boolean {
  if (typeof pattern === 'string' && pattern.startsWith('$')) return take(pattern.slice(1), value, taken)
  if (typeof pattern !== 'object' || pattern === null) return pattern === value
  const isSameKind = typeof value === 'object' && value !== null && Array.isArray(value) === Array.isArray(pattern)
  return isSameKind && matchMembers(pattern, value, taken)
}

function take(name: string, value: unknown, taken: Map<string, unknown>): boolean {
  if (value === undefined || value === null) return false
  if (taken.has(name) && comparable(taken.get(name)) !== comparable(value)) return false
  taken.set(name, value)
  return true
}
