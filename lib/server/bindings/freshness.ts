import { LatchkeyError } from '../../errors.ts'
import type { ExternalAccount } from '../external/accounts.ts'

/** Returns when the user signed in, in seconds since 1970, or undefined if the token does not say. */
export type SignInAge = (claims: Readonly<Record<string, unknown>>) => number | undefined

/** Better Auth's default of `session.freshAge`. */
const FRESH_AGE_S = 86_400

/**
 * Creates the check that an account's sign-in is fresh: a session that was left open long ago changes no identity.
 *
 * @throws {TypeError} `freshAge` is not a number of seconds
 */
export function createFreshness(
  {
    freshAge = FRESH_AGE_S,
    signedInAt = authTime,
  }: { readonly freshAge?: number | undefined; readonly signedInAt?: SignInAge | undefined },
  clock: () => number,
): (account: ExternalAccount) => void {
  if (!(freshAge >= 0)) throw new TypeError('freshAge: expected a number of seconds, 0 or more')
  return ({ claims }) => {
    const since = freshAge === 0 ? undefined : signedInAt(claims)
    if (since !== undefined && !(clock() / 1000 - since < freshAge)) throw new LatchkeyError('SESSION_NOT_FRESH')
  }
}

/** OpenID Connect Core §2, or what Clerk has instead. */
function authTime({ auth_time: time, iat, fva }: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof time === 'number') return time
  // Minutes since the first factor was verified, -1 if it never was.
  // https://clerk.com/docs/guides/sessions/session-tokens
  const age: unknown = Array.isArray(fva) ? fva[0] : undefined
  if (typeof age !== 'number') return undefined
  if (age < 0) return -Infinity
  return typeof iat === 'number' ? iat - age * 60 : undefined
}
