import type { AuthOptions } from './auth.ts'

/** What each option accepts: a type, or one of several texts. The table in docs/client.md has the same rows. */
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

/** @throws {TypeError} an option is unknown or invalid */
export function checkOptions(options: AuthOptions): void {
  for (const [name, value] of Object.entries(options)) {
    check(name, name, Object.keys(OPTIONS).join('|'))
    if (value !== undefined) check(name, value, OPTIONS[name as keyof AuthOptions])
  }
  for (const [origin, entry] of Object.entries(options.audiences ?? {})) {
    // What is no URL at all is a TypeError of `URL` itself.
    check(origin, origin, new URL(origin).origin)
    const { audience, via } = typeof entry === 'object' ? entry : { audience: entry, via: 'exchange' }
    check(origin, via, 'exchange')
    check(origin, audience, 'string')
  }
}

function check(name: string, value: unknown, expected: string): void {
  // Nothing falsy is accepted, except 0. A text is one of the accepted ones, or any.
  const kind = value || value === 0 ? typeof value : value
  const found = kind === 'string' && expected !== 'string' ? value : kind
  if (!expected.split('|').includes(found as string)) throw new TypeError(`${name}: expected ${expected}`)
}
