import {
  type CryptoSuite,
  type IdentityProfile,
  digest,
  encodeBase64url,
  openSigningKey,
  parseSecret,
  utf8,
} from '../../lib/profile.ts'
import { jazzAudience } from './audience.ts'
import {
  JAZZ_ANONYMOUS_ISSUER,
  JAZZ_LIFETIME_S,
  JAZZ_LOCAL_FIRST_ISSUER,
  JAZZ_PROFILE,
  JAZZ_TOKEN_TYPE,
  type JazzClaims,
  type JazzIssuer,
} from './claims.ts'
import { userIdOf } from './user-id.ts'

/** The identity of a device secret in Jazz: an Ed25519 key that differs from the one of `latchkey/v1`. */
export interface JazzKey {
  /** The Jazz user id, which is `session.user_id` in permissions: a UUIDv5. */
  readonly userId: string
  /** The public key: base64url, 43 characters. */
  readonly publicKey: string
  /**
   * Signs a token for an app, as Jazz's client does.
   *
   * @throws {TypeError} an option is invalid
   */
  mintToken(options: JazzTokenInput): Promise<string>
}

/** Content of a token. */
export interface JazzTokenInput {
  /** The app id, or any other name on which client and server agree. See `jazzAudience`. */
  readonly audience: string
  /** In seconds, a whole number from 1 to 3600, the default. */
  readonly lifetime?: number
  /** Defaults to `urn:jazz:local-first`. */
  readonly issuer?: JazzIssuer
  /** In seconds since 1970. Defaults to the system clock. */
  readonly now?: number
}

/** Options of {@link openJazzKey}. */
export interface JazzKeyOptions {
  /** The implementation to use. Defaults to WebCrypto, with `@noble` as fallback. */
  readonly crypto?: CryptoSuite
}

/**
 * Derives the Jazz key of a device secret (profile `jazz/2`).
 *
 * @param secret - as from `auth.exportSecret()`
 * @throws {LatchkeyError} `SECRET_INVALID`, `CRYPTO_UNAVAILABLE`
 */
export async function openJazzKey(secret: string, { crypto: suite }: JazzKeyOptions = {}): Promise<JazzKey> {
  const hash = await digest('SHA-512', new Uint8Array([...utf8('jazz-auth-sign-v1'), ...parseSecret(secret)]))
  const key = await openSigningKey(hash.slice(0, 32), suite)
  const publicKey = encodeBase64url(key.publicKey)
  const userId = await userIdOf(key.publicKey)
  return {
    userId,
    publicKey,
    async mintToken(input) {
      const claims = await claimsOf(input, { userId, publicKey })
      const signed = `${encode({ alg: 'EdDSA', typ: JAZZ_TOKEN_TYPE })}.${encode(claims)}`
      return `${signed}.${encodeBase64url(await key.sign(utf8(signed)))}`
    },
  }
}

/**
 * Returns the Jazz user id of a device secret.
 *
 * @param secret - as from `auth.exportSecret()`
 * @throws {LatchkeyError} `SECRET_INVALID`, `CRYPTO_UNAVAILABLE`
 */
export async function jazzUserId(secret: string): Promise<string> {
  return (await openJazzKey(secret)).userId
}

/**
 * For the option `profiles` of `createRecovery` and `createPasskeyBackup`: their previews show the Jazz user id too.
 */
export const jazzProfile: IdentityProfile = { name: JAZZ_PROFILE, idOf: jazzUserId }

async function claimsOf(
  { audience, lifetime = JAZZ_LIFETIME_S, issuer = JAZZ_LOCAL_FIRST_ISSUER, now = Date.now() / 1000 }: JazzTokenInput,
  { userId, publicKey }: Pick<JazzKey, 'userId' | 'publicKey'>,
): Promise<JazzClaims> {
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > JAZZ_LIFETIME_S)
    throw new TypeError(`lifetime: expected whole seconds from 1 to ${JAZZ_LIFETIME_S}`)
  if (issuer !== JAZZ_LOCAL_FIRST_ISSUER && issuer !== JAZZ_ANONYMOUS_ISSUER)
    throw new TypeError('issuer: expected one of Jazz')
  const iat = Math.floor(now)
  if (!Number.isSafeInteger(iat) || iat < 0) throw new TypeError('now: expected seconds since 1970')
  return {
    iss: issuer,
    sub: userId,
    aud: await jazzAudience(audience),
    jazz_pub_key: publicKey,
    iat,
    exp: iat + lifetime,
  }
}

function encode(value: object): string {
  return encodeBase64url(utf8(JSON.stringify(value)))
}
