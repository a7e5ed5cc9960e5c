import type { GenericEndpointContext } from 'better-auth'
import { jwtVerify } from 'jose'

/** What a mailed token of Better Auth says. */
export interface MailedToken {
  readonly email?: unknown
  /** The new address, if the token completes a change of address. */
  readonly updateTo?: unknown
  /** When it was requested, in seconds since 1970. */
  readonly iat?: number
}

/** Reads the mailed token of a request. Without a valid signature of Better Auth, the result is empty. */
export async function readMailedToken({ query, context }: GenericEndpointContext): Promise<MailedToken> {
  const secret = new TextEncoder().encode(context.secret)
  try {
    return (await jwtVerify<MailedToken>(String(query?.['token']), secret, { algorithms: ['HS256'] })).payload
  } catch {
    return {}
  }
}
