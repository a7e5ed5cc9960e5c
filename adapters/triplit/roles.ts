import { type Roles, matchClaims } from '../../lib/session.ts'

/** What an adoption and an undo change: the same person, whose roles stay. */
const OF_THE_PRINCIPALS: readonly string[] = ['aliases', 'principals_tag']

/**
 * Reads the roles that a token has by the schema, with their variables, as the server matches them. A changed list of
 * principals is no other role.
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
