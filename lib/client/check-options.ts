import type { AuthOptions } from './auth.ts'

/**
 * The accepted values of each option: a type, or one of several strings. The table in docs/client.md has the same rows.
 */
export const OPTIONS: Readonly<Record<keyof AuthOptions, string>> = {
  account: 'object',
  audience: 'string',
  audiences: 'object',
  name: 'string',
  initialMode: 'local-first|anonymous',
  migrateSessionsUntil: 'number',
  keystore: 'object',
  crypto: 'object',
  harden: 'after-upgrade|always|never',
  describeLocal: 'function',
  describeAccount: 'function',
  onConflict: 'ask|adopt|switch|function',
  readClaims: 'function',
  beforeSignOut: 'function',
  onPrincipalChange: 'function',
  onTokenExpired: 'function',
  clock: 'function',
}

/**
 * Checks all options.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export function checkOptions(options: AuthOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const known = nearest(name)
    if (known !== name) throw new TypeError(`${name}: did you mean ${known}?`)
    check(name, value === null ? false : value, OPTIONS[known])
  }
  for (const [origin, entry] of Object.entries(options.audiences ?? {})) {
    // For an invalid URL, `URL` throws the TypeError.
    check(origin, new URL(origin).origin, origin)
    const { audience, via } = typeof entry === 'object' ? entry : { audience: entry, via: 'exchange' }
    check(origin, via ?? 0, 'exchange')
    check(origin, audience ?? 0, 'string')
  }
}

function check(name: string, value: unknown, expected: string): void {
  // A string must be one of the accepted ones, or any non-empty one.
  const found = typeof value === 'string' && (expected !== 'string' || !value) ? value : typeof value
  if (value !== undefined && !expected.split('|').includes(found)) throw new TypeError(`${name}: expected ${expected}`)
}

/** Returns the known name that shares the most pairs of letters. */
function nearest(name: string): keyof AuthOptions {
  const likeness = (known: string): number =>
    known === name ? 99 : [...name].filter((_, at) => known.includes(name.slice(at, at + 2))).length * 2 - known.length
  return (Object.keys(OPTIONS) as (keyof AuthOptions)[]).reduce((best, known) =>
    likeness(known) > likeness(best) ? known : best,
  )
}
