import { BoundedMap } from '../bounded-map.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64url } from '../identity/base64url.ts'
import {
  LOCAL_FIRST_ISSUER,
  LONGEST_LIFETIME,
  PURPOSES,
  type ProofClaims,
  type Purpose,
  TOKEN_TYPE,
  type TokenClaims,
} from './claims.ts'
import { type DecodedJws, decodeJws } from './decode.ts'
import { PROOF_TYPE } from './prove.ts'
import { type PublicKey, checkPoint, importPublicKey } from './public-key.ts'

/** Largest token or proof, in characters. */
const SIZE_LIMIT = 4096

/** Tolerated lead of `iat` over this server's clock, in seconds. */
const LEEWAY_SECONDS = 60

/** Options shared by both verifiers. */
export interface VerifierOptions {
  /** Accepted audiences. A token's `aud` must equal one of them. */
  readonly audience: string | readonly string[]
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: (() => number) | undefined
  /** Largest number of cached public keys, and of cached tokens. Defaults to 10 000 each. */
  readonly cacheSize?: number | undefined
}

/** A token or proof that passed every check. */
export interface Verified<Claims> {
  readonly principal: string
  /** RFC 7638 thumbprint of the key, complete. A server that stores principals must store and compare it too. */
  readonly thumbprint: string
  readonly claims: Claims
}

/** What a proof must contain. */
export interface ProofExpectation {
  readonly purpose: Purpose
  /** The issued nonce. Required for `bind` and `link`; if given, the proof's nonce must equal it. */
  readonly nonce?: string | undefined
  /** The account's principal, for `link`. */
  readonly linkTo?: string | undefined
  /** From `backupDigest`, for `backup`. */
  readonly digest?: string | undefined
}

/** Verifies local-first tokens. Made by {@link createTokenVerifier}. */
export interface TokenVerifier {
  /**
   * Verifies a token.
   *
   * @param token - a compact JWS
   * @throws {LatchkeyError} one of the `TOKEN_*` codes, or `DELEGATION_UNSUPPORTED`
   */
  verify(token: string): Promise<Verified<TokenClaims>>
}

/** Verifies proofs. Made by {@link createProofVerifier}. */
export interface ProofVerifier {
  /**
   * Verifies everything except replay: before it acts, the caller must record `claims.jti` until `claims.exp`.
   *
   * @throws {LatchkeyError} one of the `TOKEN_*` or `PROOF_*` codes, or `DELEGATION_UNSUPPORTED`
   */
  verify(proof: string, expectation: ProofExpectation): Promise<Verified<ProofClaims>>
}

/**
 * Creates a verifier of local-first tokens. It caches imported keys, and verified tokens until they expire.
 *
 * @throws {TypeError} an option is invalid
 */
export function createTokenVerifier(options: VerifierOptions): TokenVerifier {
  const context = readOptions(options)
  const verified = new BoundedMap<string, Verified<TokenClaims>>(context.cacheSize)
  return {
    async verify(token) {
      const known = verified.get(token)
      if (known) {
        if (known.claims.exp <= context.now()) verified.delete(token)
        checkClock(known.claims, context.now())
        return known
      }
      const result = await verifySelfSigned<TokenClaims>(token, TOKEN_KIND, context)
      verified.set(token, result)
      return result
    },
  }
}

/**
 * Creates a verifier of proofs.
 *
 * @throws {TypeError} an option is invalid
 */
export function createProofVerifier(options: VerifierOptions): ProofVerifier {
  const context = readOptions(options)
  return {
    async verify(proof, expectation) {
      const result = await verifySelfSigned<ProofClaims>(proof, PROOF_KIND, context)
      checkExpectation(result.claims, expectation)
      return result
    },
  }
}

interface Context {
  readonly audiences: ReadonlySet<unknown>
  readonly now: () => number
  readonly cacheSize: number
  readonly keys: BoundedMap<string, PublicKey>
}

function readOptions({ audience, clock = Date.now, cacheSize = 10_000 }: VerifierOptions): Context {
  const audiences = new Set<unknown>(typeof audience === 'string' ? [audience] : audience)
  // An `undefined` in the list would match a token without `aud`.
  const isMeant = audiences.size > 0 && [...audiences].every((name) => typeof name === 'string' && name !== '')
  if (!isMeant) throw new TypeError('audience: expected a non-empty string')
  if (!(cacheSize >= 0)) throw new TypeError('cacheSize: expected a number, 0 or more')
  return { audiences, now: () => clock() / 1000, cacheSize, keys: new BoundedMap(cacheSize) }
}

interface Kind {
  readonly typ: string
  readonly claims: ReadonlySet<string>
  readonly lifetime: number
  readonly check: (claims: Readonly<Record<string, unknown>>) => void
}

const TOKEN_MEMBERS = ['iss', 'sub', 'aud', 'iat', 'exp', 'sub_jwk']

const TOKEN_KIND: Kind = {
  typ: TOKEN_TYPE,
  claims: new Set(TOKEN_MEMBERS),
  lifetime: LONGEST_LIFETIME.token,
  check: () => {},
}

const PROOF_KIND: Kind = {
  typ: PROOF_TYPE,
  claims: new Set([...TOKEN_MEMBERS, 'jti', 'purpose', 'nonce', 'link_to', 'digest']),
  lifetime: LONGEST_LIFETIME.proof,
  check: checkProofClaims,
}

async function verifySelfSigned<Claims extends TokenClaims>(
  token: string,
  kind: Kind,
  context: Context,
): Promise<Verified<Claims>> {
  const jws = decodeJws(token, SIZE_LIMIT)
  checkHeader(jws.header, kind.typ)
  const claims = checkClaims(jws.claims, kind, context.audiences) as Claims
  checkLifetime(claims, kind.lifetime)
  checkClock(claims, context.now())
  const { x } = claims.sub_jwk
  const key = context.keys.get(x) ?? (await publicKey(x, context.keys))
  try {
    if (claims.sub !== key.principal) throw new LatchkeyError('TOKEN_SUBJECT_MISMATCH')
    await checkSignature(jws, key)
  } catch (error) {
    checkPoint(key, x)
    throw error
  }
  // Deeply frozen: otherwise a caller that changes a claim would change it in the cache.
  Object.freeze(claims.sub_jwk)
  return Object.freeze({ principal: key.principal, thumbprint: key.thumbprint, claims: Object.freeze(claims) })
}

function checkHeader(header: DecodedJws['header'], typ: string): void {
  if (header['typ'] !== typ) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED', `expected ${typ}`)
  if (header['alg'] !== 'EdDSA' && header['alg'] !== 'Ed25519') throw new LatchkeyError('TOKEN_ALGORITHM_FORBIDDEN')
  if (Object.keys(header).length !== 2) throw new LatchkeyError('TOKEN_HEADER_FORBIDDEN', 'only alg and typ')
}

function checkClaims(
  claims: DecodedJws['claims'],
  kind: Kind,
  audiences: ReadonlySet<unknown>,
): Readonly<Record<string, unknown>> {
  if ('delegation' in claims) throw new LatchkeyError('DELEGATION_UNSUPPORTED')
  if (!Object.keys(claims).every((name) => kind.claims.has(name))) throw new LatchkeyError('TOKEN_CLAIM_UNKNOWN')
  if (claims['iss'] !== LOCAL_FIRST_ISSUER) throw new LatchkeyError('TOKEN_ISSUER_MISMATCH')
  if (!audiences.has(claims['aud'])) throw new LatchkeyError('TOKEN_AUDIENCE_MISMATCH')
  checkPublicJwk(claims['sub_jwk'])
  kind.check(claims)
  return claims
}

function checkPublicJwk(jwk: unknown): void {
  const { kty, crv, x } = (jwk ?? {}) as Record<string, unknown>
  const known = typeof x === 'string' && kty === 'OKP' && crv === 'Ed25519'
  // Exactly these three members: a private member or a `kid` is not allowed.
  if (!known || Object.keys(jwk as object).length !== 3) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub_jwk')
}

function checkLifetime({ iat, exp }: TokenClaims, most: number): void {
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) throw new LatchkeyError('TOKEN_TIME_INVALID')
  if (exp <= iat || exp - iat > most) throw new LatchkeyError('TOKEN_LIFETIME_EXCEEDED', `at most ${most} s`)
}

function checkClock({ iat, exp }: TokenClaims, now: number): void {
  // Not `exp <= now`: with a clock that returns NaN, a token would never expire.
  if (!(exp > now)) throw new LatchkeyError('TOKEN_EXPIRED')
  if (iat > now + LEEWAY_SECONDS) throw new LatchkeyError('TOKEN_NOT_YET_VALID')
}

async function publicKey(x: string, keys: BoundedMap<string, PublicKey>): Promise<PublicKey> {
  const key = await importPublicKey(x)
  keys.set(x, key)
  return key
}

/**
 * Checks that a signature is canonical, then verifies it (RFC 8032 §5.1.7).
 *
 * @throws {LatchkeyError} `TOKEN_SIGNATURE_NOT_CANONICAL`, `TOKEN_SIGNATURE_INVALID`
 */
export async function checkSignature(
  { input, signature }: Pick<DecodedJws, 'input' | 'signature'>,
  key: PublicKey,
): Promise<void> {
  if (signature.length !== 64 || !isBelowOrder(signature)) throw new LatchkeyError('TOKEN_SIGNATURE_NOT_CANONICAL')
  if (!(await key.verify(input, signature))) throw new LatchkeyError('TOKEN_SIGNATURE_INVALID')
}

// The group order L = 2^252 + 27742317777372353535851937790883648493, little-endian (RFC 8032 §5.1).
const ORDER = Uint8Array.of(
  0xed,
  0xd3,
  0xf5,
  0x5c,
  0x1a,
  0x63,
  0x12,
  0x58,
  0xd6,
  0x9c,
  0xf7,
  0xa2,
  0xde,
  0xf9,
  0xde,
  0x14,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0x10,
)

/**
 * Returns true if S, the second half of a signature, is below L. Verifiers that skip this check accept two signatures
 * for one message.
 */
function isBelowOrder(signature: Uint8Array): boolean {
  for (let index = 31; index >= 0; index--) {
    const difference = signature[32 + index]! - ORDER[index]!
    if (difference !== 0) return difference < 0
  }
  return false
}

function checkProofClaims(claims: Readonly<Record<string, unknown>>): void {
  const { jti, purpose, nonce, link_to: linkTo, digest } = claims
  if (typeof jti !== 'string' || byteLength(jti) !== 16) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'jti')
  if (!PURPOSES.includes(purpose as Purpose)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'purpose')
  if (nonce !== undefined && (typeof nonce !== 'string' || !nonce))
    throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'nonce')
  const hasLink = typeof linkTo === 'string' && linkTo !== ''
  if (linkTo === undefined ? purpose === 'link' : purpose !== 'link' || !hasLink) {
    throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'link_to')
  }
  const hasDigest = typeof digest === 'string' && byteLength(digest) === 32
  if (digest === undefined ? purpose === 'backup' : purpose !== 'backup' || !hasDigest) {
    throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'digest')
  }
}

function byteLength(text: string): number {
  try {
    return decodeBase64url(text).length
  } catch {
    return -1
  }
}

function checkExpectation(claims: ProofClaims, { purpose, nonce, linkTo, digest }: ProofExpectation): void {
  const needsNonce = purpose === 'bind' || purpose === 'link'
  if (needsNonce && !nonce) throw new TypeError(`nonce: ${purpose} needs the one that was issued`)
  if (claims.purpose !== purpose) throw new LatchkeyError('PROOF_PURPOSE_MISMATCH', `expected ${purpose}`)
  if (nonce !== undefined && claims.nonce === undefined) throw new LatchkeyError('PROOF_NONCE_MISSING')
  if (nonce !== undefined && claims.nonce !== nonce) throw new LatchkeyError('PROOF_NONCE_MISMATCH')
  if (claims.link_to !== linkTo) throw new LatchkeyError('PROOF_LINK_MISMATCH')
  if (claims.digest !== digest) throw new LatchkeyError('PROOF_DIGEST_MISMATCH')
}
