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
  for (const [url, entry] of Object.entries(options.audiences ?? {})) {
    const name = `audiences.${url}`
    // For an invalid URL, `URL` throws the TypeError.
    check(name, url, new URL(url).origin)
    check(name, typeof entry === 'string' ? entry : entry?.via === 'exchange' && entry.audience, 'string')
  }
}

function check(name: string, value: unknown, expected: string): void {
  // No falsy value is accepted, except 0. A string must be one of the accepted ones, or any non-empty one.
  const kinds: unknown[] = expected.split('|')
  if (!(value || value === 0) || !(kinds.includes(typeof value) || kinds.includes(value)))
    throw new TypeError(`${name}: expected ${expected}`)
}
