/** `iss` of every token and proof that a device key signs. */
export const LOCAL_FIRST_ISSUER = 'urn:latchkey:local-first'

/** Header `typ` of a local-first token. */
export const TOKEN_TYPE = 'latchkey+jwt'

/** Default lifetime of a local-first token, in seconds. */
export const TOKEN_LIFETIME_S = 900

/** Longest lifetimes that a verifier accepts, in seconds. */
export const LONGEST_LIFETIME = { token: 3600, proof: 120 } as const

/** The operations that a proof can authorize. Each proof is for one of them. */
export const PURPOSES = ['upgrade', 'bind', 'link', 'exchange', 'known', 'pair', 'backup'] as const

/** The operation that a proof authorizes. */
export type Purpose = (typeof PURPOSES)[number]

/** An Ed25519 public key as a JWK (RFC 8037), members in this order. */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  /** The 32-byte public key: base64url, 43 characters. */
  readonly x: string
}

/** Claims of a local-first token. Times are seconds since 1970. */
export interface TokenClaims {
  readonly iss: typeof LOCAL_FIRST_ISSUER
  /** The principal. */
  readonly sub: string
  /** The app's URL or id. */
  readonly aud: string
  readonly iat: number
  readonly exp: number
  readonly sub_jwk: PublicJwk
}

/** Claims of a proof. Times are seconds since 1970. */
export interface ProofClaims extends TokenClaims {
  /** 16 random bytes, base64url. A proof can be used once. */
  readonly jti: string
  readonly purpose: Purpose
  /** From the account server's challenge; required for `bind` and `link`. */
  readonly nonce?: string
  /** The account's principal; only for `link`, and required there. */
  readonly link_to?: string
  /** Thumbprint of the new device's key; only for `pair`, and required there. */
  readonly pair_to?: string
  /** What is written to a backup store, see `backupDigest`; only for `backup`, and required there. */
  readonly digest?: string
}
