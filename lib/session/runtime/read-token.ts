import { comparable } from '../../comparable.ts'
import { LatchkeyError } from '../../errors.ts'
import type { AuthMode } from '../../machine/state.ts'
import { decodeJws } from '../../tokens/decode.ts'
import type { SessionToken } from '../machine/session-token.ts'
import type { SessionOptions } from '../options.ts'

/** How a token arrived. */
export interface Arrival {
  /** Milliseconds since 1970 by this device's clock. */
  readonly now: number
  readonly mode: AuthMode
  /** The token was just fetched or passed to `update`; otherwise it may have been stored for a while. */
  readonly isFresh: boolean
}

/** In characters; the same limit as the server's external verifier. */
const MAX_TOKEN_CHARACTERS = 16_384
const MAX_LEAD_MS = 60_000
/** Without `iat` the lifetime depends on the device's clock, which may be wrong: assume at least this. */
const MIN_GUESSED_LIFETIME_MS = 60_000

/**
 * Reads a token without verifying its signature; the server does that. The format is checked strictly.
 *
 * @throws {LatchkeyError} `TOKEN_TOO_LARGE`, `TOKEN_MALFORMED`, `TOKEN_ENCODING_INVALID`, `TOKEN_MEMBER_DUPLICATE`,
 *   `TOKEN_CLAIM_INVALID`, `TOKEN_TIME_INVALID`, `TOKEN_LIFETIME_EXCEEDED`
 */
export function readSessionToken(text: string, options: SessionOptions, arrival: Arrival): SessionToken {
  const { claims } = decodeJws(text, MAX_TOKEN_CHARACTERS)
  const principal = (options.readPrincipal ?? readSubject)(claims)
  if (typeof principal !== 'string' || principal === '') throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
  const roles = comparable((options.readRoles ?? readRoleClaims)(claims))
  return { text, principal, roles, mode: arrival.mode, takenAt: arrival.now, ...lifeOf(claims, arrival) }
}

type Claims = Readonly<Record<string, unknown>>

const readSubject = ({ sub }: Claims): unknown => sub
const readRoleClaims = ({ role, roles }: Claims): unknown => [role, roles].flat()

/** The lifetime is `exp - iat`, counted from the arrival: independent of the device's clock. */
function lifeOf(claims: Claims, arrival: Arrival): Pick<SessionToken, 'left' | 'lead'> {
  const exp = readTime(claims, 'exp')
  if (exp === undefined) return { left: Infinity, lead: 0 }
  const iat = readTime(claims, 'iat') ?? readTime(claims, 'nbf')
  if (iat !== undefined && exp <= iat) throw new LatchkeyError('TOKEN_LIFETIME_EXCEEDED', 'exp is not after iat')
  const lifetime = iat === undefined ? guess(exp, arrival) : exp - iat
  const age = iat === undefined ? 0 : ageOf(arrival.now - iat, lifetime, arrival)
  return { left: lifetime - age, lead: Math.min(MAX_LEAD_MS, lifetime / 5) }
}

/** @param apparent - by this device's clock, which may be wrong */
function ageOf(apparent: number, lifetime: number, { isFresh }: Arrival): number {
  if (!isFresh) return Math.min(Math.max(apparent, 0), lifetime)
  // A source may return a cached token. One that looks older than half its lifetime was signed under another clock.
  return apparent > 0 && apparent <= lifetime / 2 ? apparent : 0
}

function guess(exp: number, { now, isFresh }: Arrival): number {
  return isFresh ? Math.max(exp - now, MIN_GUESSED_LIFETIME_MS) : exp - now
}

/** Milliseconds since 1970. */
function readTime(claims: Claims, name: string): number | undefined {
  const value = claims[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new LatchkeyError('TOKEN_TIME_INVALID', name)
  return value * 1000
}
