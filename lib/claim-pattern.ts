import { comparable } from './comparable.ts'

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
