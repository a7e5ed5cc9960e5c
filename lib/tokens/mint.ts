import { encodeBase64url } from '../identity/base64url.ts'
import type { DeviceKey } from '../identity/device-key.ts'
import { LOCAL_FIRST_ISSUER, PROOF_LIFETIME, PROOF_TYPE, type Purpose, TOKEN_LIFETIME, TOKEN_TYPE } from './claims.ts'

/** What a local-first token says. */
export interface TokenInput {
  /** The app's URL or id. */
  readonly audience: string
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds; 900 unless told, at most 3600. */
  readonly lifetime?: number | undefined
}

/** What a proof says. */
export interface ProofInput {
  /** The account server: origin plus base path, no trailing slash. */
  readonly audience: string
  /** Seconds since 1970. */
  readonly now: number
  readonly purpose: Purpose
  /** From the account server's challenge. */
  readonly nonce?: string | undefined
  /** The account's principal, for `link`. */
  readonly linkTo?: string | undefined
  /** 22 base64url characters; fresh random bytes unless told. */
  readonly jti?: string
}

/** Signs a local-first token: a compact JWS (RFC 7515) with the claims in the documented order. */
export function mintToken(key: DeviceKey, input: TokenInput): Promise<string> {
  const { audience, now, lifetime = TOKEN_LIFETIME } = input
  return signJws(key, TOKEN_TYPE, { ...common(key, audience, now, lifetime), sub_jwk: publicJwk(key) })
}

/** Signs a proof that lasts 60 seconds. */
export function mintProof(key: DeviceKey, input: ProofInput): Promise<string> {
  const jti = input.jti ?? encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
  return signJws(key, PROOF_TYPE, {
    ...common(key, input.audience, input.now, PROOF_LIFETIME),
    jti,
    purpose: input.purpose,
    nonce: input.nonce,
    link_to: input.linkTo,
    sub_jwk: publicJwk(key),
  })
}

function common(key: DeviceKey, aud: string, now: number, lifetime: number): Record<string, unknown> {
  const iat = Math.floor(now)
  return { iss: LOCAL_FIRST_ISSUER, sub: key.principal, aud, iat, exp: iat + lifetime }
}

function publicJwk(key: DeviceKey): Record<string, string> {
  return { kty: 'OKP', crv: 'Ed25519', x: key.x }
}

async function signJws(key: DeviceKey, typ: string, claims: Record<string, unknown>): Promise<string> {
  const encoder = new TextEncoder()
  const encode = (value: unknown): string => encodeBase64url(encoder.encode(JSON.stringify(value)))
  const input = `${encode({ alg: 'EdDSA', typ })}.${encode(claims)}`
  return `${input}.${encodeBase64url(await key.sign(encoder.encode(input)))}`
}
