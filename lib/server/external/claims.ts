import { LatchkeyError, type LatchkeyErrorCode } from '../../errors.ts'
import type { IssuerRules } from './options.ts'

const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  __proto__: null as never,
  aud: 'TOKEN_AUDIENCE_MISMATCH',
  iss: 'TOKEN_ISSUER_MISMATCH',
  nbf: 'TOKEN_NOT_YET_VALID',
  iat: 'TOKEN_NOT_YET_VALID',
}

/** Returns the code for a claim that is missing, or whose value is not accepted. */
export function claimCode(claim: string): LatchkeyErrorCode {
  return CODES[claim] ?? 'TOKEN_CLAIM_INVALID'
}

type Claims = Readonly<Record<string, unknown>>

/** What {@link checkClaims} needs of an issuer's rules. */
export type ClaimRules = Pick<IssuerRules, 'issuers' | 'audience' | 'requiredClaims' | 'clockTolerance'>

/**
 * Checks the claims of RFC 7519 §4.1 as jose does, in the same order.
 *
 * @param now - whole seconds since 1970
 * @throws {LatchkeyError} one of the `TOKEN_*` codes
 */
export function checkClaims(claims: Claims, rules: ClaimRules, now: number): void {
  const { issuers, audience } = rules
  requireClaim(claims, 'iss')
  if (audience) requireClaim(claims, 'aud')
  for (let index = rules.requiredClaims.length - 1; index >= 0; index--)
    requireClaim(claims, rules.requiredClaims[index]!)
  if (!issuers.includes(claims['iss'] as string)) throw new LatchkeyError('TOKEN_ISSUER_MISMATCH')
  if (audience && !isMeantFor(claims['aud'], audience)) throw new LatchkeyError('TOKEN_AUDIENCE_MISMATCH')
  checkTimes(claims, rules.clockTolerance, now)
}

function requireClaim(claims: Claims, name: string): void {
  if (!Object.hasOwn(claims, name)) throw new LatchkeyError(claimCode(name))
}

function isMeantFor(aud: unknown, audience: readonly string[]): boolean {
  return (Array.isArray(aud) ? aud : [aud]).some((name) => audience.includes(name as string))
}

/**
 * RFC 7519 §4.1.4 to 6, in whole seconds. Not `exp <= now`: with a clock that returns NaN, a token would never expire.
 *
 * @throws {LatchkeyError} `TOKEN_NOT_YET_VALID`, `TOKEN_EXPIRED`, `TOKEN_CLAIM_INVALID`: `exp` is not a number
 */
export function checkTimes({ iat, nbf, exp }: Claims, tolerance: number, now: number): void {
  if (iat !== undefined && typeof iat !== 'number') throw new LatchkeyError('TOKEN_NOT_YET_VALID')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + tolerance))
    throw new LatchkeyError('TOKEN_NOT_YET_VALID')
  if (typeof exp !== 'number') throw new LatchkeyError('TOKEN_CLAIM_INVALID')
  if (!(exp > now - tolerance)) throw new LatchkeyError('TOKEN_EXPIRED')
}
