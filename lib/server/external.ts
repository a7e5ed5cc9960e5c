import { type JWTPayload, type JWTVerifyGetKey, createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import type { ServerSession } from './session.ts'

/** Most characters of an external token. */
export const EXTERNAL_SIZE_LIMIT = 16_384

/** Signatures that a public key verifies; nothing that a shared secret could make. */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

/** An issuer whose tokens are taken. Its `sub` becomes the principal. */
export interface ExternalIssuer {
  /** Equal to `iss`, to the last slash. */
  readonly issuer: string
  /** Where the issuer publishes its keys (RFC 7517). */
  readonly jwksUrl: string
  /** `aud`; one of them is enough. Without it the issuer must serve no other app. */
  readonly audience?: string | readonly string[]
  /** Gets the keys in place of the global `fetch`, for instance without a network. */
  readonly fetch?: (url: string) => Promise<Response>
  /** Header `alg` to accept; every asymmetric one unless told. */
  readonly algorithms?: readonly string[]
  /** Take the `aliases` claim as further principals. Only for a server that runs Latchkey itself. */
  readonly aliases?: boolean
  /** Seconds by which clocks may differ; 0 unless told. */
  readonly clockTolerance?: number
}

/** Verifies one issuer's tokens. */
export interface ExternalVerifier {
  readonly issuer: string
  /** @throws {LatchkeyError} `TOKEN_*`, `KEYS_UNAVAILABLE` */
  verify(token: string): Promise<ServerSession>
}

/** @throws {TypeError} an option cannot be meant */
export function createExternalVerifier(options: ExternalIssuer, clock: () => number): ExternalVerifier {
  const { issuer, jwksUrl, audience, fetch, algorithms = ALGORITHMS, aliases = false, clockTolerance = 0 } = options
  if (!issuer) throw new TypeError('external.issuer: expected a text that is not empty')
  // An empty one would silently switch the check off.
  const isMeant = audience === undefined || (audience.length > 0 && ![audience].flat().includes(''))
  if (!isMeant) throw new TypeError('external.audience: expected a text that is not empty')
  const stray = algorithms.find((name) => !ALGORITHMS.includes(name))
  if (stray) throw new TypeError(`external.algorithms: ${stray} is not asymmetric`)
  const keys = createRemoteJWKSet(readUrl(jwksUrl), { timeoutDuration: 5000, cooldownDuration: 30_000, ...(fetch && { [customFetch]: (url) => fetch(url) }) })
  const checks = { issuer, algorithms: [...algorithms], requiredClaims: ['exp', 'sub'], clockTolerance, ...(audience && { audience: audience as string | string[] }) }
  return {
    issuer,
    async verify(token) {
      const payload = await verify(token, keys, { ...checks, currentDate: new Date(clock()) })
      const principal: unknown = payload.sub
      if (typeof principal !== 'string' || !principal) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
      const principals = aliases ? [principal, ...readAliases(payload['aliases'])] : [principal]
      return Object.freeze({ authMode: 'external', principal, principals: Object.freeze(principals), claims: Object.freeze(payload) })
    },
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw new TypeError('external.jwksUrl: expected an http(s) URL')
  return url
}

function readAliases(aliases: unknown = []): string[] {
  const isList = Array.isArray(aliases) && aliases.length <= 16 && aliases.every((alias) => typeof alias === 'string' && alias)
  if (!isList) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'aliases')
  return aliases
}

async function verify(token: string, keys: JWTVerifyGetKey, checks: Parameters<typeof jwtVerify>[2]): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, checks)).payload
  } catch (error) {
    throw new LatchkeyError(codeOf(error), undefined, error)
  }
}

const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  ERR_JWT_EXPIRED: 'TOKEN_EXPIRED',
  ERR_JOSE_ALG_NOT_ALLOWED: 'TOKEN_ALGORITHM_FORBIDDEN',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'TOKEN_SIGNATURE_INVALID',
  ERR_JWKS_NO_MATCHING_KEY: 'TOKEN_SIGNATURE_INVALID',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'TOKEN_SIGNATURE_INVALID',
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

/** What is not about the token is about the issuer's keys: unreachable is not rejected. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_CODES[error.claim] ?? 'TOKEN_CLAIM_INVALID'
  return CODES[(error as { code?: string }).code ?? ''] ?? 'KEYS_UNAVAILABLE'
}
