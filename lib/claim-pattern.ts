import { comparable } from './comparable.ts'

/** What a claim must be. A text that begins with `$` takes any value, and gives it a name. */
export type ClaimPattern =
  | string
  | number
  | boolean
  | null
  | readonly ClaimPattern[]
  | { readonly [claim: string]: ClaimPattern }

/** Claims that must be there, nested as they are in the token; further claims do not matter. */
export type ClaimsPattern = Readonly<Record<string, ClaimPattern>>

/** Roles by name, as Triplit's schema has them. */
export type Roles = Readonly<Record<string, { readonly match: ClaimsPattern }>>

/**
 * Matches claims as Triplit matches roles (https://www.triplit.dev/docs/schemas/permissions), but for four things that
 * only ever refuse more: what is inherited is no claim, null is matched by null alone, a nested pattern is
 * matched by an object alone (a list by a list), and one wildcard in two places has to take the same value.
 *
 * @returns what the wildcards took, by name without `$`; null where the claims do not match
 */
export function matchClaims(
  pattern: ClaimsPattern,
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | null {
  const taken = new Map<string, unknown>()
  return matchMembers(pattern, claims, taken) ? Object.fromEntries(taken) : null
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
