import { LatchkeyError } from '../errors.ts'
import { type Roles, matchClaims } from '../claim-pattern.ts'
import { comparable } from '../comparable.ts'
import type { ServerSession } from './types.ts'

/** A role that a session has, with the values of its wildcards. */
export interface SessionRole {
  readonly key: string
  readonly roleVars: Readonly<Record<string, unknown>>
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
