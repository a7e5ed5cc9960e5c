import {
  type CryptoKey,
  type JWSHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  errors,
  jwtVerify,
} from 'jose'
import { BoundedMap } from '../../bounded-map.ts'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../../errors.ts'
import { type ExternalIssuer, type IssuerRules, normalizeType, readIssuer } from './options.ts'
import { checkNoDevice, principalOf, readAliases } from './principals.ts'
import { ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** Most characters of an external token. */
export const EXTERNAL_SIZE_LIMIT = 16_384

/** Longer tokens are verified anew each time, so that a full cache stays small. */
const CACHED_SIZE_LIMIT = 4096

/** Verifies one issuer's tokens. */
export interface ExternalVerifier {
  readonly issuers: readonly string[]
  /** This very token was verified before, so it need not be taken apart to be routed. */
  isKnown(token: string): boolean
  /** @throws {LatchkeyError} `TOKEN_*`, `KEYS_UNAVAILABLE` */
  verify(token: string): Promise<ServerSession>
}

/** A token that was verified, and by which key. */
interface Known {
  readonly claims: JWTPayload
  readonly header: JWSHeaderParameters
  readonly key: CryptoKey
}

/**
 * Makes one verifier for each issuer.
 *
 * @param cacheSize - verified tokens kept at most, for each issuer
 * @param isLocalFirst - device principals are accepted beside these issuers, so that no foreign issuer may assert one
 * @throws {TypeError} an option is invalid, two entries name one issuer, or two could assert the same principal
 */
export function createExternalVerifiers(
  options: ExternalIssuer | readonly ExternalIssuer[],
  clock: () => number,
  cacheSize: number,
  isLocalFirst = false,
): ReadonlyMap<unknown, ExternalVerifier> {
  const rules = [options].flat().map((issuer) => readIssuer(issuer, clock))
  if (rules.filter(({ principal }) => principal === 'sub').length > 1) {
    throw new TypeError(
      "external: `sub` is the principal for one issuer only; say principal: 'namespaced', or how to find the principal, for the others",
    )
  }
  const names = rules.flatMap(({ issuers }) => issuers)
  if (new Set(names).size !== names.length) throw new TypeError('external: an issuer is there twice')
  const verifiers = rules.map((issuer) => createVerifier({ ...issuer, isLocalFirst }, clock, cacheSize))
  return new Map(verifiers.flatMap((verifier) => verifier.issuers.map((name) => [name, verifier])))
}

interface VerifierRules extends IssuerRules {
  readonly isLocalFirst: boolean
}

function createVerifier(rules: VerifierRules, clock: () => number, cacheSize: number): ExternalVerifier {
  const { issuers, clockTolerance } = rules
  const checks = checksOf(rules)
  const known = new BoundedMap<string, Known>(cacheSize)

  const verifyAnew = async (token: string, currentDate: Date): Promise<JWTPayload> => {
    const { claims, header, key } = await verify(token, rules, { ...checks, currentDate })
    checkType(header.typ, rules)
    freeze(claims)
    if (key && token.length <= CACHED_SIZE_LIMIT) known.set(token, { claims, header, key })
    return claims
  }
  return {
    issuers,
    isKnown: (token) => known.get(token) !== undefined,
    async verify(token) {
      const currentDate = new Date(clock())
      const claims = (await recall(known.get(token), rules)) ?? (await verifyAnew(token, currentDate))
      checkTimes(claims, clockTolerance, currentDate)
      return judge(claims, rules)
    },
  }
}

function checksOf({ issuers, audience, algorithms, requiredClaims, clockTolerance }: IssuerRules): JWTVerifyOptions {
  return {
    issuer: [...issuers],
    algorithms: [...algorithms],
    requiredClaims: [...requiredClaims],
    clockTolerance,
    ...(audience && { audience: [...audience] }),
  }
}

/** The claims of a token that was verified before, while its key is still the one that the issuer has for it. */
async function recall(known: Known | undefined, { keys }: IssuerRules): Promise<JWTPayload | undefined> {
  if (!known) return undefined
  try {
    return (await keys(known.header)) === known.key ? known.claims : undefined
  } catch {
    // What is wrong with the keys is said by verifying anew.
    return undefined
  }
}

/**
 * RFC 7519 §4.1.4 and 5, in whole seconds. Not `exp <= now`: a clock that answers NaN must not make a token eternal.
 */
function checkTimes({ exp, nbf }: JWTPayload, tolerance: number, date: Date): void {
  const now = Math.floor(date.getTime() / 1000)
  if (!(exp! > now - tolerance)) throw new LatchkeyError('TOKEN_EXPIRED')
  if (nbf !== undefined && !(nbf <= now + tolerance)) throw new LatchkeyError('TOKEN_NOT_YET_VALID')
}

/** What the app's own rules make of it, each time anew: what they look at may have changed. */
async function judge(claims: JWTPayload, rules: VerifierRules): Promise<ServerSession> {
  checkParty(claims['azp'], rules)
  checkClient(claims, rules)
  if (!rules.isAccount(claims)) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
  const aliases = rules.aliases ? readAliases(claims['aliases']) : []
  if (rules.isLocalFirst && !rules.isOwn && rules.principal === 'sub') checkNoDevice(claims.sub)
  return ownedSession(modeOf(claims), await principalOf(claims.sub, rules.issuers[0], rules.principal), aliases, claims)
}

/** To the last member: what one caller changed, the next would get from the cache. */
function freeze(claims: object): void {
  const parts = [claims]
  for (const part of parts) {
    Object.freeze(part)
    parts.push(...Object.values(part).filter((member) => typeof member === 'object' && member !== null))
  }
}

/**
 * A server that runs Latchkey signs for devices without an account, too, and says so. Whoever else says it gains
 * nothing.
 */
function modeOf({ auth_mode: mode }: JWTPayload): 'external' | 'local-first' {
  return mode === 'local-first' ? 'local-first' : 'external'
}

/** Not jose's own check: an absent type is accepted here, and one of several is enough. */
function checkType(type: unknown, { types }: IssuerRules): void {
  const found = typeof type === 'string' ? normalizeType(type) : type === undefined ? null : ''
  if (!types.includes(found)) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED')
}

/** An OAuth client acts for the account in part (RFC 6749 §1.1); its token is not the account's own session. */
function checkClient({ client_id: id, azp, scope, scp }: JWTPayload, { clients }: IssuerRules): void {
  if (clients === 'any' || [id, azp, scope, scp].every((claim) => claim === undefined)) return
  const names = [id, azp].filter((name) => name !== undefined)
  const isListed = names.length > 0 && names.every((name) => (clients as readonly unknown[]).includes(name))
  if (!isListed) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
}

function checkParty(party: unknown, { parties, allowMissingParty }: IssuerRules): void {
  if (!parties || (party === undefined && allowMissingParty)) return
  if (!(parties as readonly unknown[]).includes(party)) throw new LatchkeyError('TOKEN_PARTY_MISMATCH')
}

/** Without a key where several had to be tried. */
interface Found extends Omit<Known, 'key'> {
  readonly key?: CryptoKey
}

async function verify(token: string, { keys }: IssuerRules, checks: JWTVerifyOptions): Promise<Found> {
  try {
    const { payload, protectedHeader, key } = await jwtVerify(token, keys, checks)
    return { claims: payload, header: protectedHeader, key: key as CryptoKey }
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error, checks)
    throw refusalOf(error)
  }
}

/** Most keys that are tried for one token: a large key set must not make every forged token expensive. */
const MOST_TRIED = 8

/** A token without a `kid`, or two keys with one: whichever fits. */
async function verifyByAny(token: string, keys: AsyncIterable<CryptoKey>, checks: JWTVerifyOptions): Promise<Found> {
  let tried = 0
  for await (const key of keys) {
    if (++tried > MOST_TRIED) throw new LatchkeyError('TOKEN_KEY_UNKNOWN', `more than ${MOST_TRIED} keys fit`)
    try {
      const { payload, protectedHeader } = await jwtVerify(token, key, checks)
      return { claims: payload, header: protectedHeader }
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusalOf(error)
    }
  }
  throw new LatchkeyError('TOKEN_SIGNATURE_INVALID')
}

const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  ERR_JWT_EXPIRED: 'TOKEN_EXPIRED',
  ERR_JOSE_ALG_NOT_ALLOWED: 'TOKEN_ALGORITHM_FORBIDDEN',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'TOKEN_SIGNATURE_INVALID',
  ERR_JWS_INVALID: 'TOKEN_MALFORMED',
  ERR_JWT_INVALID: 'TOKEN_MALFORMED',
  ERR_JOSE_NOT_SUPPORTED: 'TOKEN_ALGORITHM_FORBIDDEN',
}

const CLAIM_CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  aud: 'TOKEN_AUDIENCE_MISMATCH',
  iss: 'TOKEN_ISSUER_MISMATCH',
  nbf: 'TOKEN_NOT_YET_VALID',
  iat: 'TOKEN_NOT_YET_VALID',
}

function refusalOf(error: unknown): LatchkeyError {
  return isLatchkeyError(error) ? error : new LatchkeyError(codeOf(error), undefined, withoutToken(error))
}

/** What is not about the token is about the issuer's keys: unreachable is not rejected. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_CODES[error.claim] ?? 'TOKEN_CLAIM_INVALID'
  return CODES[(error as { code?: string }).code ?? ''] ?? 'KEYS_UNAVAILABLE'
}

/** jose's errors about claims carry all of them, and a log may print what an error carries. */
function withoutToken(error: unknown): unknown {
  return error instanceof errors.JOSEError ? new Error(error.message) : error
}
