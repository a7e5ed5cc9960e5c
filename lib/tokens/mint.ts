import { encodeBase64url, utf8 } from '../identity/encoding.ts'
import type { DeviceKey } from '../identity/device-key.ts'
import { LOCAL_FIRST_ISSUER, TOKEN_LIFETIME_S, TOKEN_TYPE } from './claims.ts'

/** Content of a local-first token. */
export interface TokenInput {
  /** `aud`: the app's URL or id. */
  readonly audience: string
  /** In seconds since 1970. */
  readonly now: number
  /** In seconds, at most 3600. Defaults to 900. */
  readonly lifetime?: number | undefined
}

/** Signs a local-first token: a compact JWS (RFC 7515) with the claims in the documented order. */
export function mintToken(key: DeviceKey, input: TokenInput): Promise<string> {
  return signJws(key, TOKEN_TYPE, { lifetime: TOKEN_LIFETIME_S, ...input })
}

/** Signs a JWS with a device key. The members of `further` stand between the times and the key. */
export async function signJws(
  key: DeviceKey,
  typ: string,
  { audience, now, lifetime }: Required<TokenInput>,
  further?: object,
): Promise<string> {
  const encode = (value: unknown): string => encodeBase64url(utf8(JSON.stringify(value)))
  const iat = Math.floor(now)
  const claims = {
    iss: LOCAL_FIRST_ISSUER,
    sub: key.principal,
    aud: audience,
    iat,
    exp: iat + lifetime!,
    ...further,
    sub_jwk: { kty: 'OKP', crv: 'Ed25519', x: key.x },
  }
  const input = `${encode({ alg: 'EdDSA', typ })}.${encode(claims)}`
  return `${input}.${encodeBase64url(await key.sign(utf8(input)))}`
}
