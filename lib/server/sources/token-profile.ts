import type { Awaitable } from '../../awaitable.ts'
import { LOCAL_FIRST_ISSUER } from '../../tokens/claims.ts'
import type { DecodedJws } from '../../tokens/decode.ts'

/**
 * A further kind of token that a device signs for itself, besides local-first tokens. For example `jazzTokens` of
 * `latchkey/jazz/server`.
 */
export interface TokenProfile {
  /** The values of `iss` that route a token to this profile. */
  readonly issuers: readonly string[]
  /**
   * Returns true if a text has the form of this profile's principals: no external issuer with `principal: 'sub'` may
   * assert one, except the app's own.
   */
  isPrincipal(text: string): boolean
  /** Creates the verifier for a resolver. */
  open(context: ProfileContext): ProfileVerifier
}

/** What a resolver gives to each profile. */
export interface ProfileContext {
  /** Returns milliseconds since 1970. */
  readonly clock: () => number
  /** Largest number of cached tokens, and of cached public keys. */
  readonly cacheSize: number
}

/** Verifies the tokens of a profile. */
export interface ProfileVerifier {
  /** Returns true if this exact token was verified before. */
  isKnown(token: string): boolean
  /**
   * Verifies a token.
   *
   * @param jws - the decoded token, unless it is known
   * @returns null for a device that is anonymous: it owns nothing
   * @throws {LatchkeyError} one of the `TOKEN_*` codes, `LOCAL_FIRST_DISABLED`, `PRINCIPAL_DISABLED`
   */
  verify(token: string, jws?: DecodedJws): Awaitable<ProfileSession | null>
}

/** Whose a verified token is. */
export interface ProfileSession {
  readonly principal: string
  /** Claims of the token. */
  readonly claims: object
}

/**
 * Opens the verifier of each profile, by the issuers of its tokens.
 *
 * @throws {TypeError} two profiles have the same issuer
 */
export function openProfiles(
  profiles: readonly TokenProfile[],
  context: ProfileContext,
): ReadonlyMap<unknown, ProfileVerifier> {
  const issuers = [LOCAL_FIRST_ISSUER, ...profiles.flatMap((profile) => profile.issuers)]
  if (new Set(issuers).size !== issuers.length) throw new TypeError('profiles: an issuer is listed twice')
  return new Map(
    profiles.flatMap((profile) => {
      const verifier = profile.open(context)
      return profile.issuers.map((issuer) => [issuer, verifier] as const)
    }),
  )
}
