import { type CryptoKey, type JWK, SignJWT, importJWK } from 'jose'

/** A private key of the server, with which it signs tokens. */
export interface SigningJwk extends JWK {
  /** Names the key in tokens and in the key set. */
  readonly kid: string
  readonly alg: 'RS256' | 'ES256' | 'EdDSA'
}

/** Signs tokens, and publishes the keys. Made by {@link createTokenSigner}. */
export interface TokenSigner {
  /** @param type - `typ` of the header */
  sign(claims: Readonly<Record<string, unknown>>, type: string): Promise<string>
  /** The public keys, as a JWK set (RFC 7517). */
  readonly keySet: { readonly keys: readonly JWK[] }
}

/** The public members of a key, by `kty`. No other member is published. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly (keyof JWK)[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}

const ALGORITHMS: Readonly<Record<string, string>> = { RSA: 'RS256', EC: 'ES256', OKP: 'EdDSA' }

/**
 * @param keys - the first signs; the others are published only, while tokens that they signed are still valid
 * @throws {TypeError} a key is no private key with `kid` and `alg`
 */
export function createTokenSigner(keys: readonly SigningJwk[]): TokenSigner {
  const keySet = { keys: keys.map(toPublic) }
  const [current] = keys
  if (!current) throw new TypeError('exchange.keys: expected one key or more')
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw new TypeError('exchange.keys: duplicate kid')
  const { alg, kid } = current
  let imported: Promise<CryptoKey | Uint8Array> | undefined
  return {
    keySet,
    async sign(claims, type) {
      imported ??= importJWK(current, alg)
      return new SignJWT({ ...claims }).setProtectedHeader({ alg, kid, typ: type }).sign(await imported)
    },
  }
}

function toPublic(key: SigningJwk): JWK {
  const { kty = '', kid, alg, d } = key
  const members = Object.hasOwn(PUBLIC_MEMBERS, kty) ? PUBLIC_MEMBERS[kty]! : []
  const isPrivate = typeof d === 'string' && members.every((name) => typeof key[name] === 'string')
  if (members.length === 0 || ALGORITHMS[kty] !== alg || typeof kid !== 'string' || kid === '' || !isPrivate)
    throw new TypeError('exchange.keys: expected private JWKs with kid, and alg RS256, ES256 or EdDSA')
  // WebKitGTK 2.50 imports no Ed25519 key that has a use; @hapi/jwt takes no RSA key that has none.
  const use = kty === 'OKP' ? {} : { use: 'sig' }
  return { kty, kid, alg, ...use, ...Object.fromEntries(members.map((name) => [name, key[name]])) }
}
