import { LatchkeyError } from '../../lib/server.ts'
import {
  BoundedMap,
  type DecodedJws,
  type OptionNames,
  type PublicKey,
  checkClock,
  checkOptionNames,
  checkSelfSignedTimes,
  copyText,
  decodeJws,
  hasSmallOrder,
  importPublicKey,
  refusalUnder,
  signatureFault,
} from '../../lib/server-kit.ts'
import { decodeBase64url } from '../../lib/profile.ts'
import { jazzAudience } from './audience.ts'
import {
  JAZZ_ANONYMOUS_ISSUER,
  JAZZ_LIFETIME_S,
  JAZZ_LOCAL_FIRST_ISSUER,
  JAZZ_TOKEN_TYPE,
  type JazzClaims,
} from './claims.ts'
import { userIdOf } from './user-id.ts'

/** Largest token, in characters. */
const MAX_TOKEN_CHARACTERS = 4096

/** Most public keys that are cached. Tokens are cached themselves, and a device signs a new one only now and then. */
const MOST_KEYS = 1000

/** Options of {@link createJazzVerifier}. */
export interface JazzVerifierOptions {
  /** The app id, or any other name on which client and server agree; or several. See `jazzAudience`. */
  readonly audience: string | readonly string[]
  /** Longest lifetime that is accepted, in seconds. Defaults to 3600, and is at most that. */
  readonly longestLifetime?: number
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** Largest number of cached tokens. Defaults to 10 000; 0 turns caching off. */
  readonly cacheSize?: number
}

const OPTIONS: OptionNames<JazzVerifierOptions> = {
  audience: true,
  longestLifetime: true,
  clock: true,
  cacheSize: true,
}

/** A token that passed every check. */
export interface VerifiedJazzToken {
  /** The Jazz user id. */
  readonly userId: string
  /** `anonymous` for a token of a device that may read and owns nothing. */
  readonly authMode: 'local-first' | 'anonymous'
  /** The public key: base64url, 43 characters. */
  readonly publicKey: string
  readonly claims: JazzClaims
}

/** Verifies tokens of the profile `jazz/2`. Made by {@link createJazzVerifier}. */
export interface JazzVerifier {
  /** Returns true if this exact token was verified before. */
  isKnown(token: string): boolean
  /**
   * Verifies a token.
   *
   * @param token - a compact JWS
   * @throws {LatchkeyError} one of the `TOKEN_*` codes
   */
  verify(token: string): Promise<VerifiedJazzToken>
}

/**
 * Creates a verifier of the tokens that Jazz's clients and `openJazzKey` sign. It accepts what Jazz's server accepts,
 * except for a header with other members than `alg` and `typ`, and for lifetimes that are not positive.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export function createJazzVerifier(options: JazzVerifierOptions): JazzVerifier {
  checkOptionNames('', options, OPTIONS)
  const { clock = Date.now, cacheSize = 10_000, longestLifetime = JAZZ_LIFETIME_S } = options
  if (!(cacheSize >= 0)) throw new TypeError('cacheSize: expected a number, 0 or more')
  if (!Number.isInteger(longestLifetime) || longestLifetime < 1 || longestLifetime > JAZZ_LIFETIME_S)
    throw new TypeError(`longestLifetime: expected whole seconds from 1 to ${JAZZ_LIFETIME_S}`)
  const audiences = readAudiences(options.audience)
  const now = (): number => clock() / 1000
  const verified = new BoundedMap<string, VerifiedJazzToken>(cacheSize)
  const keyOf = createKeys(Math.min(cacheSize, MOST_KEYS))

  return {
    isKnown: (token) => verified.get(token) !== undefined,
    async verify(token) {
      const known = verified.get(token)
      if (known) {
        if (known.claims.exp <= now()) verified.delete(token)
        checkClock(known.claims, now())
        return known
      }
      const jws = decodeJws(token, MAX_TOKEN_CHARACTERS)
      checkHeader(jws.header)
      const claims = checkClaims(jws.claims, await audiences())
      checkSelfSignedTimes(claims, longestLifetime, now())
      const { key, userId } = await keyOf(claims.jazz_pub_key)
      if (claims.sub !== userId) throw refusalUnder(key, 'TOKEN_SUBJECT_MISMATCH')
      await checkSignature(jws, key)
      const result = resultOf(claims, userId)
      verified.set(copyText(token), result)
      return result
    },
  }
}

/** The audiences are computed at the first use: a constructor does not wait. */
function readAudiences(given: JazzVerifierOptions['audience']): () => Promise<readonly string[]> {
  const names = typeof given === 'string' ? [given] : [...(given ?? [])]
  // An empty name is none that an app would mean, although it has a UUID.
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && name !== ''))
    throw new TypeError('audience: expected a non-empty string')
  let found: Promise<readonly string[]> | undefined
  return () => (found ??= Promise.all(names.map(jazzAudience)))
}

interface OwnedKey {
  readonly key: PublicKey
  readonly userId: string
}

function createKeys(most: number): (x: string) => Promise<OwnedKey> {
  const keys = new BoundedMap<string, OwnedKey>(most)
  return async (x) => {
    const known = keys.get(x)
    if (known) return known
    const key = await importPublicKey(x)
    const owned = { key, userId: await userIdOf(decodeBase64url(x)) }
    keys.set(key.jwk.x, owned)
    return owned
  }
}

function checkHeader(header: DecodedJws['header']): void {
  if (header['typ'] !== JAZZ_TOKEN_TYPE) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED', `expected ${JAZZ_TOKEN_TYPE}`)
  // Jazz knows no other name of the algorithm.
  if (header['alg'] !== 'EdDSA') throw new LatchkeyError('TOKEN_ALGORITHM_FORBIDDEN')
  if (Object.keys(header).length !== 2) throw new LatchkeyError('TOKEN_HEADER_FORBIDDEN', 'only alg and typ')
}

const CLAIMS: ReadonlySet<string> = new Set(['iss', 'sub', 'aud', 'jazz_pub_key', 'iat', 'exp'])
const ISSUERS: readonly unknown[] = [JAZZ_LOCAL_FIRST_ISSUER, JAZZ_ANONYMOUS_ISSUER]

function checkClaims(claims: DecodedJws['claims'], audiences: readonly unknown[]): JazzClaims {
  if (!Object.keys(claims).every((name) => CLAIMS.has(name))) throw new LatchkeyError('TOKEN_CLAIM_UNKNOWN')
  if (!ISSUERS.includes(claims['iss'])) throw new LatchkeyError('TOKEN_ISSUER_MISMATCH')
  if (!audiences.includes(claims['aud'])) throw new LatchkeyError('TOKEN_AUDIENCE_MISMATCH')
  if (typeof claims['jazz_pub_key'] !== 'string') throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'jazz_pub_key')
  return claims as unknown as JazzClaims
}

async function checkSignature(jws: DecodedJws, key: PublicKey): Promise<void> {
  const fault = await signatureFault(jws, key)
  if (fault !== undefined) throw refusalUnder(key, fault)
  // Jazz refuses R of small order, too. Only the holder of the key can make such a signature.
  if (hasSmallOrder(jws.signature.subarray(0, 32))) throw new LatchkeyError('TOKEN_SIGNATURE_NOT_CANONICAL')
}

function resultOf(claims: JazzClaims, userId: string): VerifiedJazzToken {
  return Object.freeze({
    userId,
    authMode: claims.iss === JAZZ_ANONYMOUS_ISSUER ? 'anonymous' : 'local-first',
    publicKey: claims.jazz_pub_key,
    claims: Object.freeze(claims),
  })
}
