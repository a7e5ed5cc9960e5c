import { type Awaitable, whenReady } from '../awaitable.ts'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { decodeBase64url } from '../identity/encoding.ts'
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
import { KeyCache } from './key-cache.ts'
import { type NativeVerify, loadNativeVerifier } from './native-verifier.ts'
import { PROOF_TYPE } from './prove.ts'
import { type PublicKey, checkPoint, importPublicKey } from './public-key.ts'
import { TokenCache } from './token-cache.ts'

/** Largest token or proof, in characters. */
const MAX_TOKEN_CHARACTERS = 4096

/** Tolerated lead of `iat` over this server's clock, in seconds. */
const LEEWAY_S = 60

/** Options shared by both verifiers. */
export interface VerifierOptions {
  /** Accepted audiences. A token's `aud` must equal one of them. */
  readonly audience: string | readonly string[]
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: (() => number) | undefined
  /** Largest number of cached public keys, and of cached tokens. Defaults to 10 000 each. */
  readonly cacheSize?: number | undefined
  /**
   * `native` verifies signatures of device keys with the package `sodium-native`, about twice as fast. Defaults to
   * node:crypto where it is, and to WebCrypto.
   */
  readonly verifier?: 'native' | undefined
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
  /** Thumbprint of the new device's key, for `pair`. */
  readonly pairTo?: string | undefined
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
 * @throws {LatchkeyError} `VERIFIER_UNAVAILABLE`
 */
export function createTokenVerifier(options: VerifierOptions): TokenVerifier {
  const { verify } = createTokenCheck(options)
  return { verify: async (token) => verify(token) }
}

/** A {@link TokenVerifier} that answers at once where it can: for a known token, and where node:crypto is. */
export interface TokenCheck {
  /** Returns true if this exact token was verified before. */
  isKnown(token: string): boolean
  /**
   * As in {@link TokenVerifier}; also throws at once.
   *
   * @param jws - the same token, if it was decoded already
   */
  verify(token: string, jws?: DecodedJws): Awaitable<Verified<TokenClaims>>
}

/** Creates what {@link createTokenVerifier} returns, for callers that need not wait. */
export function createTokenCheck(options: VerifierOptions): TokenCheck {
  const context = readOptions(options)
  const verified = new TokenCache<Verified<TokenClaims>>(context.cacheSize)
  const recall = (token: string, known: Verified<TokenClaims>): Verified<TokenClaims> => {
    if (known.claims.exp <= context.now()) verified.delete(token)
    checkClock(known.claims, context.now())
    return known
  }
  return {
    isKnown: (token) => verified.get(token) !== undefined,
    verify(token, jws) {
      const known = typeof token === 'string' ? verified.get(token) : undefined
      if (known) return recall(token, known)
      const decoded = jws && token.length <= MAX_TOKEN_CHARACTERS ? jws : decodeJws(token, MAX_TOKEN_CHARACTERS)
      return whenReady(verifySelfSigned<TokenClaims>(decoded, TOKEN_KIND, context), (result) => {
        verified.set(token, result)
        return result
      })
    },
  }
}

/**
 * Creates a verifier of proofs.
 *
 * @throws {TypeError} an option is invalid
 * @throws {LatchkeyError} `VERIFIER_UNAVAILABLE`
 */
export function createProofVerifier(options: VerifierOptions): ProofVerifier {
  const context = readOptions(options)
  return {
    async verify(proof, expectation) {
      const result = await verifySelfSigned<ProofClaims>(decodeJws(proof, MAX_TOKEN_CHARACTERS), PROOF_KIND, context)
      checkExpectation(result.claims, expectation)
      return result
    },
  }
}

interface Context {
  /** Each under itself: the claims of a cached token share one text. */
  readonly audiences: ReadonlyMap<unknown, string>
  readonly now: () => number
  readonly cacheSize: number
  readonly keys: KeyCache
  readonly native: NativeVerify | undefined
}

function readOptions({ audience, clock = Date.now, cacheSize = 10_000, verifier }: VerifierOptions): Context {
  const names = typeof audience === 'string' ? [audience] : [...(audience ?? [])]
  // An `undefined` in the list would match a token without `aud`.
  const isMeant = names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')
  if (!isMeant) throw new TypeError('audience: expected a non-empty string')
  if (!(cacheSize >= 0)) throw new TypeError('cacheSize: expected a number, 0 or more')
  if (verifier !== undefined && verifier !== 'native') throw new TypeError('verifier: expected native')
  const native = verifier && loadNativeVerifier()
  const audiences = new Map<unknown, string>(names.map((name) => [name, name]))
  return { audiences, now: () => clock() / 1000, cacheSize, keys: new KeyCache(cacheSize), native }
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

/** Claims that a proof for one purpose must have, and no other proof may. */
const OWN_CLAIMS: readonly OwnClaim[] = [
  { name: 'link_to', purpose: 'link', isValid: (value) => value !== '' },
  { name: 'pair_to', purpose: 'pair', isValid: (value) => byteLength(value) === 32 },
  { name: 'digest', purpose: 'backup', isValid: (value) => byteLength(value) === 32 },
]

interface OwnClaim {
  readonly name: 'link_to' | 'pair_to' | 'digest'
  readonly purpose: Purpose
  isValid(value: string): boolean
}

const PROOF_KIND: Kind = {
  typ: PROOF_TYPE,
  claims: new Set([...TOKEN_MEMBERS, 'jti', 'purpose', 'nonce', ...OWN_CLAIMS.map(({ name }) => name)]),
  lifetime: LONGEST_LIFETIME.proof,
  check: checkProofClaims,
}

function verifySelfSigned<Claims extends TokenClaims>(
  jws: DecodedJws,
  kind: Kind,
  context: Context,
): Awaitable<Verified<Claims>> {
  checkHeader(jws.header, kind.typ)
  const claims = checkClaims(jws.claims, kind, context.audiences) as Claims
  checkSelfSignedTimes(claims, kind.lifetime, context.now())
  const { x } = claims.sub_jwk
  return whenReady(context.keys.get(x) ?? publicKey(x, context), (key) => {
    if (claims.sub !== key.principal) throw refusalUnder(key, 'TOKEN_SUBJECT_MISMATCH')
    return whenReady(signatureFault(jws, key), (fault) => {
      if (fault !== undefined) throw refusalUnder(key, fault)
      return verifiedBy(key, claims, context)
    })
  })
}

/**
 * Returns a refusal under a key. Under bytes that are no point nothing verifies, and that is then the reason.
 *
 * @throws {LatchkeyError} `TOKEN_KEY_NOT_CANONICAL`
 */
export function refusalUnder(key: PublicKey, code: LatchkeyErrorCode): LatchkeyError {
  checkPoint(key)
  return new LatchkeyError(code)
}

/**
 * Equal texts are shared: a cache holds many claims. Deeply frozen: otherwise a caller that changes a claim would
 * change it in the cache.
 */
function verifiedBy<Claims extends TokenClaims>(
  { principal, thumbprint, jwk }: PublicKey,
  claims: Claims,
  { audiences }: Context,
): Verified<Claims> {
  Object.assign(claims, { iss: LOCAL_FIRST_ISSUER, sub: principal, aud: audiences.get(claims.aud), sub_jwk: jwk })
  return Object.freeze({ principal, thumbprint, claims: Object.freeze(claims) })
}

function checkHeader(header: DecodedJws['header'], typ: string): void {
  if (header['typ'] !== typ) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED', `expected ${typ}`)
  if (header['alg'] !== 'EdDSA' && header['alg'] !== 'Ed25519') throw new LatchkeyError('TOKEN_ALGORITHM_FORBIDDEN')
  if (Object.keys(header).length !== 2) throw new LatchkeyError('TOKEN_HEADER_FORBIDDEN', 'only alg and typ')
}

function checkClaims(
  claims: DecodedJws['claims'],
  kind: Kind,
  audiences: Context['audiences'],
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

/**
 * Checks the times of a token that its own subject signed.
 *
 * @param most - longest lifetime, in seconds
 * @param now - in seconds since 1970
 * @throws {LatchkeyError} `TOKEN_TIME_INVALID`, `TOKEN_LIFETIME_EXCEEDED`, `TOKEN_EXPIRED`, `TOKEN_NOT_YET_VALID`
 */
export function checkSelfSignedTimes(claims: Times, most: number, now: number): void {
  checkLifetime(claims, most)
  checkClock(claims, now)
}

type Times = Pick<TokenClaims, 'iat' | 'exp'>

function checkLifetime({ iat, exp }: Times, most: number): void {
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) throw new LatchkeyError('TOKEN_TIME_INVALID')
  if (exp <= iat || exp - iat > most) throw new LatchkeyError('TOKEN_LIFETIME_EXCEEDED', `at most ${most} s`)
}

/**
 * Checks the times of a token that was verified before.
 *
 * @param now - in seconds since 1970
 * @throws {LatchkeyError} `TOKEN_EXPIRED`, `TOKEN_NOT_YET_VALID`
 */
export function checkClock({ iat, exp }: Times, now: number): void {
  // Not `exp <= now`: with a clock that returns NaN, a token would never expire.
  if (!(exp > now)) throw new LatchkeyError('TOKEN_EXPIRED')
  if (iat > now + LEEWAY_S) throw new LatchkeyError('TOKEN_NOT_YET_VALID')
}

function publicKey(x: string, { keys, native }: Context): Awaitable<PublicKey> {
  return whenReady(importPublicKey(x, native), (key) => {
    keys.add(key)
    return key
  })
}

/**
 * Checks that a signature is canonical, then verifies it (RFC 8032 §5.1.7).
 *
 * @returns `TOKEN_SIGNATURE_NOT_CANONICAL`, `TOKEN_SIGNATURE_INVALID`, or undefined if it is valid
 */
export function signatureFault(
  { input, signature }: Pick<DecodedJws, 'input' | 'signature'>,
  key: PublicKey,
): Awaitable<LatchkeyErrorCode | undefined> {
  if (signature.length !== 64 || !isBelowOrder(signature)) return 'TOKEN_SIGNATURE_NOT_CANONICAL'
  return whenReady(key.verify(input, signature), (isValid) => (isValid ? undefined : 'TOKEN_SIGNATURE_INVALID'))
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
  const { jti, purpose, nonce } = claims
  if (typeof jti !== 'string' || byteLength(jti) !== 16) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'jti')
  if (!PURPOSES.includes(purpose as Purpose)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'purpose')
  if (nonce !== undefined && (typeof nonce !== 'string' || !nonce))
    throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'nonce')
  for (const own of OWN_CLAIMS) {
    const value = claims[own.name]
    const isValid = typeof value === 'string' && own.isValid(value)
    if (value === undefined ? purpose === own.purpose : purpose !== own.purpose || !isValid)
      throw new LatchkeyError('TOKEN_CLAIM_INVALID', own.name)
  }
}

function byteLength(text: string): number {
  try {
    return decodeBase64url(text).length
  } catch {
    return -1
  }
}

function checkExpectation(claims: ProofClaims, { purpose, nonce, linkTo, pairTo, digest }: ProofExpectation): void {
  const needsNonce = purpose === 'bind' || purpose === 'link'
  if (needsNonce && !nonce) throw new TypeError(`nonce: ${purpose} needs the nonce that was issued`)
  if (claims.purpose !== purpose) throw new LatchkeyError('PROOF_PURPOSE_MISMATCH', `expected ${purpose}`)
  if (nonce !== undefined && claims.nonce === undefined) throw new LatchkeyError('PROOF_NONCE_MISSING')
  if (nonce !== undefined && claims.nonce !== nonce) throw new LatchkeyError('PROOF_NONCE_MISMATCH')
  if (claims.link_to !== linkTo) throw new LatchkeyError('PROOF_LINK_MISMATCH')
  if (claims.pair_to !== pairTo) throw new LatchkeyError('PROOF_PAIR_MISMATCH')
  if (claims.digest !== digest) throw new LatchkeyError('PROOF_DIGEST_MISMATCH')
}
