import type { AuthOptions } from './auth.ts'

/**
 * The accepted values of each option: a type, or one of several strings. The table in docs/client.md has the same rows.
 */
export const OPTIONS: Readonly<Record<keyof AuthOptions, string>> = {
  account: 'object',
  backups: 'object',
  audience: 'string',
  audiences: 'object',
  tokenHeader: 'string',
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
    check(name, name, Object.keys(OPTIONS).join('|'))
    if (value !== undefined) check(name, value, OPTIONS[name as keyof AuthOptions])
  }
  for (const [origin, entry] of Object.entries(options.audiences ?? {})) {
    // For an invalid URL, `URL` throws the TypeError.
    check(origin, origin, new URL(origin).origin)
    const { audience, via } = typeof entry === 'object' ? entry : { audience: entry, via: 'exchange' }
    check(origin, via, 'exchange')
    check(origin, audience, 'string')
  }
}

function check(name: string, value: unknown, expected: string): void {
  // No falsy value is accepted, except 0. A string must be one of the accepted ones, or any non-empty one.
  const kind = value || value === 0 ? typeof value : value
  const found = kind === 'string' && expected !== 'string' ? value : kind
  if (!expected.split('|').includes(found as string)) throw new TypeError(`${name}: expected ${expected}`)
}
