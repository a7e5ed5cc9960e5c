import { type Roles, matchClaims } from '../../lib/session.ts'

/** Claims that an adoption and an undo change; the user and the roles stay the same. */
const OF_THE_PRINCIPALS: readonly string[] = ['aliases', 'principals_tag']

/**
 * Reads the roles that a token has by the schema, with their variables, as the server matches them. A changed list of
 * principals does not count as other roles.
 */
export function schemaRoles(roles: Roles, claims: Readonly<Record<string, unknown>>): unknown {
  const lasting = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, OF_THE_PRINCIPALS.includes(name) ? 'any' : value]),
  )
  return Object.entries(roles).flatMap(([key, { match }]) => {
    const variables = matchClaims(match, lasting)
    return variables ? [{ key, variables }] : []
  })
}
