/** The name of the profile. */
export const JAZZ_PROFILE = 'jazz/2'

/** `iss` of the tokens that a device signs for itself. */
export const JAZZ_LOCAL_FIRST_ISSUER = 'urn:jazz:local-first'

/** `iss` of the tokens of a device that is anonymous: it may read, and owns nothing. */
export const JAZZ_ANONYMOUS_ISSUER = 'urn:jazz:anonymous'

/** Header `typ` of both. */
export const JAZZ_TOKEN_TYPE = 'JWT'

/** Default and longest lifetime of a token, in seconds. */
export const JAZZ_LIFETIME_S = 3600

/** Who signs. */
export type JazzIssuer = typeof JAZZ_LOCAL_FIRST_ISSUER | typeof JAZZ_ANONYMOUS_ISSUER

/** Claims of a token, in this order. Times are seconds since 1970. */
export interface JazzClaims {
  readonly iss: JazzIssuer
  /** The Jazz user id. */
  readonly sub: string
  /** From `jazzAudience`. */
  readonly aud: string
  /** The 32-byte public key: base64url, 43 characters. */
  readonly jazz_pub_key: string
  readonly iat: number
  readonly exp: number
}
