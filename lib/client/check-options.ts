import type { AuthOptions } from './auth.ts'

const OBJECT = ['an object']
const FUNCTION = ['a function']
const TEXT = ['a non-empty string']

/** What each option accepts: a kind of value, or one of several texts. The table in docs/client.md has the same rows. */
export const OPTIONS: Readonly<Record<keyof AuthOptions, readonly string[]>> = {
  account: OBJECT,
  audience: TEXT,
  audiences: OBJECT,
  name: TEXT,
  initialMode: ['local-first', 'anonymous'],
  keystore: OBJECT,
  crypto: OBJECT,
  harden: ['after-upgrade', 'always', 'never'],
  describeLocal: FUNCTION,
  describeAccount: FUNCTION,
  onConflict: ['ask', 'adopt', 'switch', ...FUNCTION],
  readClaims: FUNCTION,
  beforeSignOut: FUNCTION,
  onPrincipalChange: FUNCTION,
  onTokenExpired: FUNCTION,
  clock: FUNCTION,
}

/** @throws {TypeError} an option is unknown or invalid */
export function checkOptions(options: AuthOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const expected: readonly string[] | undefined = Object.hasOwn(OPTIONS, name)
      ? OPTIONS[name as keyof AuthOptions]
      : undefined
    if (!expected) throw new TypeError(`${name}: unknown option; did you mean ${nearest(name)}?`)
    if (value !== undefined && !isAccepted(value, expected))
      throw new TypeError(`${name}: expected ${expected.join(' or ')}`)
  }
  for (const [origin, entry] of Object.entries(options.audiences ?? {})) {
    // What is no URL at all is a TypeError of `URL` itself.
    if (new URL(origin).origin !== origin) throw new TypeError(`audiences: ${origin} is no origin`)
    if (!isText(typeof entry === 'object' ? entry?.via === 'exchange' && entry.audience : entry))
      throw new TypeError(`audiences: expected an audience, or { audience, via: 'exchange' }, for ${origin}`)
  }
}

function isAccepted(value: unknown, expected: readonly string[]): boolean {
  if (expected === TEXT) return isText(value)
  if (typeof value === 'string') return expected.includes(value)
  return value !== null && expected.some((kind) => kind.endsWith(` ${typeof value}`))
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** The known name that shares most pairs of letters. */
function nearest(name: string): string {
  const likeness = (known: string): number =>
    [...name].filter((_, at) => known.toLowerCase().includes(name.slice(at, at + 2).toLowerCase())).length * 2 -
    Math.abs(known.length - name.length)
  return Object.keys(OPTIONS).reduce((best, known) => (likeness(known) > likeness(best) ? known : best))
}
