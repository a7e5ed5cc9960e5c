import { decodeJwt } from 'jose'

/** What a mailed token of Better Auth says. */
export interface MailedToken {
  readonly email?: unknown
  /** The new address, if the token completes a change of address. */
  readonly updateTo?: unknown
  /** When it was requested, in seconds since 1970. */
  readonly iat?: number
}

/** Reads a mailed token without verifying it: the route itself does. Anything else than a JWT says nothing. */
export function readToken(token: unknown): MailedToken {
  try {
    return decodeJwt(String(token))
  } catch {
    return {}
  }
}
