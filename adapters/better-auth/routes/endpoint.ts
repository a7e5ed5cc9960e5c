import type { BetterAuthPlugin, GenericEndpointContext } from 'better-auth'
import { APIError, sensitiveSessionMiddleware } from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import { isFresh } from '../hooks/fresh-session.ts'

/** An endpoint, without the types that only its own file needs. */
export type Endpoint = NonNullable<BetterAuthPlugin['endpoints']>[string]

/** Options of an endpoint for the current session, which is read without any cache. */
export const actsForSession: {
  method: 'POST'
  requireHeaders: true
  use: [typeof sensitiveSessionMiddleware]
  metadata: { noStore: true }
} = {
  method: 'POST',
  requireHeaders: true,
  use: [sensitiveSessionMiddleware],
  metadata: { noStore: true },
}

type Context = Pick<GenericEndpointContext['context'], 'session' | 'sessionConfig'>

/** @throws {APIError} `SESSION_NOT_FRESH`: the sign-in is older than Better Auth's `session.freshAge` */
export function requireFresh({ session, sessionConfig }: Context): void {
  if (!isFresh(sessionConfig, session?.session ?? { createdAt: new Date(0) })) {
    throw new APIError('FORBIDDEN', { code: 'SESSION_NOT_FRESH', message: 'Sign in again first.' })
  }
}

/**
 * Returns a string of the body.
 *
 * @throws {APIError} `BODY_INVALID`: it is missing, empty or too long, or has control characters
 */
export function readText(body: unknown, name: string, most: number): string {
  const value = (body as Record<string, unknown> | null | undefined)?.[name]
  if (typeof value === 'string' && value !== '' && value.length <= most && isPlainText(value)) return value
  throw new APIError('BAD_REQUEST', {
    code: 'BODY_INVALID',
    message: `${name}: expected a string of at most ${most} characters without control characters`,
  })
}
