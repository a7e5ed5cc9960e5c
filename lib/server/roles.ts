import { LatchkeyError } from '../errors.ts'
import { type Roles, matchClaims } from '../claim-pattern.ts'
import { comparable } from '../comparable.ts'
import type { ServerSession } from './types.ts'

/** A role that a session has, with what its wildcards took. */
export interface SessionRole {
  readonly key: string
  readonly roleVars: Readonly<Record<string, unknown>>
}

/**
 * The roles of a session, in the order of the definition. `sub` in a pattern is the principal, whoever issued the
 * token: `{ match: { sub: '$userId' } }` binds the user.
 */
export function rolesOf(roles: Roles, session: ServerSession): readonly SessionRole[] {
  const claims = effectiveClaims(session)
  return Object.entries(roles).flatMap(([key, { match }]) => {
    const roleVars = matchClaims(match, claims)
    return roleVars ? [{ key, roleVars }] : []
  })
}

/**
 * Lets a session go on with a new token: one of the same principal and the same roles.
 *
 * @param before - the current session
 * @param after - what the new token resolved to
 * @param roles - the app's roles; unless given, the claims `role` and `roles` are compared
 * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`, `ROLES_MISMATCH`
 */
export function requireSameSession(before: ServerSession, after: ServerSession, roles?: Roles): void {
  if (before.principal !== after.principal) throw new LatchkeyError('PRINCIPAL_MISMATCH')
  const rolesIn = (session: ServerSession): unknown =>
    roles ? rolesOf(roles, session) : [session.claims['role'], session.claims['roles']].flat()
  if (comparable(rolesIn(before)) !== comparable(rolesIn(after))) throw new LatchkeyError('ROLES_MISMATCH')
}

/** The claims, with the principal as `sub`: the `sub` of a further issuer must not stand for a user of the first. */
export function effectiveClaims({ claims, principal }: ServerSession): Readonly<Record<string, unknown>> {
  const { sub: _, ...others } = claims
  return principal === null ? others : { ...others, sub: principal }
}
