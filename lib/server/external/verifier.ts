import { type CryptoKey, type JWTPayload, type JWTVerifyOptions, errors, jwtVerify } from 'jose'
import { type Awaitable, whenReady } from '../../awaitable.ts'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../../errors.ts'
import { type ExternalVerifier, anyOf, eachSource } from './issuer-sources.ts'
import { type DecodedJws, decodeJws } from '../../tokens/decode.ts'
import { TokenCache } from '../../tokens/token-cache.ts'
import { checkTimes, claimCode } from './claims.ts'
import type { IssuerKey } from './key-set.ts'
import { type ExternalIssuer, type IssuerRules, normalizeType, readIssuer } from './options.ts'
import { checkNoDevice, principalsOf } from './principals.ts'
import { ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'
import { verifyNow } from './verify-now.ts'

/** Longest external token that is accepted, in characters. */
export const MAX_EXTERNAL_TOKEN_CHARACTERS = 16_384

/** Longer tokens are not cached, to bound the cache's memory. In characters. */
const MAX_CACHED_CHARACTERS = 4096

/** A verified token and the key that verified it. */
interface Known {
  readonly claims: JWTPayload
  readonly header: DecodedJws['header']
  readonly key: IssuerKey
}

/**
 * Creates one verifier for each issuer.
 *
 * @param cacheSize - largest number of cached tokens, for each issuer
 * @param isDevice - returns true for subjects of devices that are accepted too: no external issuer may assert one
 * @throws {TypeError} an option is invalid, two entries have the same issuer, or two issuers could assert the same
 *   principal
 */
export function createExternalVerifiers(
  options: ExternalIssuer | readonly ExternalIssuer[],
  clock: () => number,
  cacheSize: number,
  isDevice: (subject: string) => boolean = () => false,
): ReadonlyMap<unknown, ExternalVerifier> {
  const entries = [options].flat().map((issuer) => eachSource(issuer).map((source) => readIssuer(source, clock)))
  const rules = entries.map(([first]) => first!)
  if (rules.filter(({ principal }) => principal === 'sub').length > 1) {
    throw new TypeError(
      "external: `sub` is the principal for one issuer only; set principal: 'namespaced' or a function for the others",
    )
  }
  const names = rules.flatMap(({ issuers }) => issuers)
  if (new Set(names).size !== names.length) throw new TypeError('external: an issuer is listed twice')
  const verifiers = entries.map((sources) =>
    anyOf(sources.map((source) => createVerifier({ ...source, isDevice }, clock, cacheSize))),
  )
  return new Map(verifiers.flatMap((verifier) => verifier.issuers.map((name) => [name, verifier])))
}

interface VerifierRules extends IssuerRules {
  readonly isDevice: (subject: string) => boolean
}

function createVerifier(rules: VerifierRules, clock: () => number, cacheSize: number): ExternalVerifier {
  const { issuers, clockTolerance } = rules
  const checks = checksOf(rules)
  const known = new TokenCache<Known>(cacheSize)

  const verifyAnew = (token: string, jws: DecodedJws, time: number): Awaitable<JWTPayload> => {
    const direct = verifyNow(jws, rules, secondsOf(time))
    const found: Awaitable<Found> = direct
      ? { claims: jws.claims, key: direct }
      : verifyWithJose(token, rules, { ...checks, currentDate: new Date(time) })
    return whenReady(found, ({ claims, key }) => {
      checkType(jws.header['typ'], rules)
      freeze(claims)
      if (key && token.length <= MAX_CACHED_CHARACTERS) known.set(token, { claims, header: jws.header, key })
      return claims
    })
  }
  return {
    issuers,
    isKnown: (token) => known.get(token) !== undefined,
    verify(token, jws) {
      const time = clock()
      const before = known.get(token)
      const recalled = before && (recall(before, rules) ?? recallLater(before, rules))
      const anew = (): Awaitable<JWTPayload> =>
        verifyAnew(token, jws ?? decodeJws(token, MAX_EXTERNAL_TOKEN_CHARACTERS), time)
      const found = recalled ? whenReady(recalled, (claims) => claims ?? anew()) : anew()
      return whenReady(found, (claims) => {
        checkTimes(claims, clockTolerance, secondsOf(time))
        return judge(claims, rules)
      })
    },
  }
}

function secondsOf(time: number): number {
  return Math.floor(time / 1000)
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

/** Returns the claims of a cached token if its key is at hand: the issuer still has it. */
function recall({ claims, header, key }: Known, { keys }: IssuerRules): JWTPayload | undefined {
  return keys.known(header) === key ? claims : undefined
}

/** The same where the keys have to be asked for first. */
async function recallLater({ claims, header, key }: Known, { keys }: IssuerRules): Promise<JWTPayload | undefined> {
  try {
    return (await keys.find(header)) === key ? claims : undefined
  } catch {
    // The full verification reports the problem with the keys.
    return undefined
  }
}

/** Applies the app's own rules on every use, cached or not: the data that they read may have changed. */
function judge(claims: JWTPayload, rules: VerifierRules): Awaitable<ServerSession> {
  // RFC 7800: only the holder of a key may use it (DPoP, mutual TLS), and a bearer proves no key.
  if (claims['cnf'] !== undefined) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'cnf')
  checkParty(claims['azp'], rules)
  checkClient(claims, rules)
  // Neither a promise nor any other answer of code without types is a yes.
  if (rules.isAccount(claims) !== true) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
  if (!rules.isOwn && rules.principal === 'sub') checkNoDevice(claims.sub, rules.isDevice)
  const mode = modeOf(claims)
  return whenReady(principalsOf(claims, rules), ([principal, ...aliases]) =>
    whenReady(checkStatus(rules, mode, claims['sid'], principal), () => ownedSession(mode, principal, aliases, claims)),
  )
}

/** @throws {LatchkeyError} `PRINCIPAL_DISABLED`, `SESSION_REVOKED`, `TOKEN_CLAIM_INVALID` */
function checkStatus(
  { lookup, lookupSession }: Pick<IssuerRules, 'lookup' | 'lookupSession'>,
  mode: ReturnType<typeof modeOf>,
  sid: unknown,
  principal: string,
): Awaitable<void> {
  if (mode === 'local-first') return lookup && whenReady(lookup(principal), active('PRINCIPAL_DISABLED'))
  if (!lookupSession || sid === undefined) return undefined
  if (typeof sid !== 'string') throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sid')
  return whenReady(lookupSession(sid, principal), active('SESSION_REVOKED'))
}

const active =
  (code: LatchkeyErrorCode) =>
  (status: 'active' | 'disabled'): void => {
    if (status !== 'active') throw new LatchkeyError(code)
  }

/** Deep: otherwise a caller that changes a claim would change it in the cache. */
function freeze(claims: object): void {
  const parts = [claims]
  for (const part of parts) {
    for (const member of Object.values(Object.freeze(part)) as unknown[]) {
      if (typeof member === 'object' && member !== null) parts.push(member)
    }
  }
}

/**
 * A server that runs Latchkey also signs for devices without an account, and marks these tokens. Another issuer gains
 * nothing by the same mark.
 */
function modeOf({ auth_mode: mode }: JWTPayload): 'external' | 'local-first' {
  return mode === 'local-first' ? 'local-first' : 'external'
}

/** Replaces jose's check: a missing type can be accepted here, and one match of several is enough. */
function checkType(type: unknown, { types }: IssuerRules): void {
  const found = typeof type === 'string' ? normalizeType(type) : type === undefined ? null : ''
  if (!types.includes(found)) throw new LatchkeyError('TOKEN_TYPE_UNEXPECTED')
}

/** An OAuth client has limited access to the account (RFC 6749 §1.1): its token is not the account's own session. */
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

interface Found {
  readonly claims: JWTPayload
  /** Absent if several had to be tried. */
  readonly key?: IssuerKey | undefined
}

async function verifyWithJose(token: string, { keys }: IssuerRules, checks: JWTVerifyOptions): Promise<Found> {
  let key: IssuerKey | undefined
  const find = async (header: DecodedJws['header']): Promise<CryptoKey> => (key = await keys.find(header)).cryptoKey
  try {
    const { payload } = await jwtVerify(token, find, checks)
    return { claims: payload, key }
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error, checks)
    throw refusalOf(error)
  }
}

/** Most keys that are tried for one token: a large key set must not make every forged token expensive. */
const MOST_TRIED = 8

/** The token has no `kid`, or two keys share it: the first key that verifies it counts. */
async function verifyByAny(token: string, keys: AsyncIterable<CryptoKey>, checks: JWTVerifyOptions): Promise<Found> {
  let tried = 0
  for await (const key of keys) {
    if (++tried > MOST_TRIED) throw new LatchkeyError('TOKEN_KEY_UNKNOWN', `more than ${MOST_TRIED} keys fit`)
    try {
      return { claims: (await jwtVerify(token, key, checks)).payload }
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

function refusalOf(error: unknown): LatchkeyError {
  return isLatchkeyError(error) ? error : new LatchkeyError(codeOf(error), undefined, withoutToken(error))
}

/** Errors that do not concern the token concern the issuer's keys: unreachable is not rejected. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (error instanceof errors.JWTClaimValidationFailed) return claimCode(error.claim)
  return CODES[(error as { code?: string }).code ?? ''] ?? 'KEYS_UNAVAILABLE'
}

/** jose's claim errors carry all claims, and a log may print an error's members. */
function withoutToken(error: unknown): unknown {
  return error instanceof errors.JOSEError ? new Error(error.message) : error
}
