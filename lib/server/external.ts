import { type CryptoKey, type JWTPayload, type JWTVerifyOptions, errors, jwtVerify } from 'jose'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { type ExternalIssuer, type IssuerRules, readIssuer } from './external-options.ts'
import { principalOf, readAliases } from './principals.ts'
import { type ServerSession, ownedSession } from './session.ts'

/** Most characters of an external token. */
export const EXTERNAL_SIZE_LIMIT = 16_384

/** Verifies one issuer's tokens. */
export interface ExternalVerifier {
  readonly issuers: readonly string[]
  /** @throws {LatchkeyError} `TOKEN_*`, `KEYS_UNAVAILABLE` */
  verify(token: string): Promise<ServerSession>
}

/**
 * Makes one verifier for each issuer.
 *
 * @throws {TypeError} an option cannot be meant, two entries name one issuer, or two could assert the same principal
 */
export function createExternalVerifiers(options: ExternalIssuer | readonly ExternalIssuer[], clock: () => number): ReadonlyMap<unknown, ExternalVerifier> {
  const rules = [options].flat().map((issuer) => readIssuer(issuer, clock))
  if (rules.filter(({ principal }) => principal === 'sub').length > 1) {
    throw new TypeError("external: `sub` is the principal for one issuer only; say principal: 'namespaced', or how to find the principal, for the others")
  }
  const names = rules.flatMap(({ issuers }) => issuers)
  if (new Set(names).size !== names.length) throw new TypeError('external: an issuer is there twice')
  const verifiers = rules.map((issuer) => createVerifier(issuer, clock))
  return new Map(verifiers.flatMap((verifier) => verifier.issuers.map((name) => [name, verifier])))
}

function createVerifier(rules: IssuerRules, clock: () => number): ExternalVerifier {
  const { issuers, audience, algorithms, requiredClaims, clockTolerance, type } = rules
  const checks: JWTVerifyOptions = {
    issuer: [...issuers],
    algorithms: [...algorithms],
    requiredClaims: [...requiredClaims],
    clockTolerance,
    ...(audience && { audience: [...audience] }),
    ...(type !== undefined && { typ: type }),
  }
  return {
    issuers,
    async verify(token) {
      const claims = await verify(token, rules, { ...checks, currentDate: new Date(clock()) })
      checkParty(claims['azp'], rules)
      if (!rules.isAccount(claims)) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
      const aliases = rules.aliases ? readAliases(claims['aliases']) : []
      return ownedSession(modeOf(claims), await principalOf(claims.sub, issuers[0], rules.principal), aliases, claims)
    },
  }
}

/** A server that runs Latchkey signs for devices without an account, too, and says so. Whoever else says it gains nothing. */
function modeOf({ auth_mode: mode }: JWTPayload): 'external' | 'local-first' {
  return mode === 'local-first' ? 'local-first' : 'external'
}

function checkParty(party: unknown, { parties, allowMissingParty }: IssuerRules): void {
  if (!parties || (party === undefined && allowMissingParty)) return
  if (!(parties as readonly unknown[]).includes(party)) throw new LatchkeyError('TOKEN_PARTY_MISMATCH')
}

async function verify(token: string, { keys }: IssuerRules, checks: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, checks)).payload
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error, checks)
    throw refusalOf(error)
  }
}

/** A token without a `kid`, or two keys with one: whichever fits. */
async function verifyByAny(token: string, keys: AsyncIterable<CryptoKey>, checks: JWTVerifyOptions): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, checks)).payload
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
  typ: 'TOKEN_TYPE_UNEXPECTED',
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
