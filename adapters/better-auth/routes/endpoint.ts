import type { BetterAuthPlugin, GenericEndpointContext } from 'better-auth'
import {
  APIError,
  createAuthMiddleware,
  getAuthoritativeSessionFromCtx,
  type sensitiveSessionMiddleware,
} from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import { type FoundSession, noSession, storedSession } from '../hooks/asking-session.ts'
import { isFresh } from '../hooks/fresh-session.ts'

/** An endpoint, without the types that only its own file needs. */
export type Endpoint = NonNullable<BetterAuthPlugin['endpoints']>[string]

/**
 * Reads the session of an endpoint's request without any cache, and prolongs it as Better Auth does: a revoked session
 * must not learn the account's current state, and a client that is told of no session asks its user to sign in
 * again.
 *
 * @returns null if there is none
 * @throws the error of the database or the secondary storage
 */
export async function requestSession(ctx: Parameters<typeof getAuthoritativeSessionFromCtx>[0]): Promise<FoundSession> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  // Better Auth takes a failed read for no session.
  return found ?? (ctx.context.session = await storedSession(ctx))
}

/** @throws {APIError} `UNAUTHORIZED`: there is none; and what {@link requestSession} throws */
export async function requireSession(ctx: Parameters<typeof requestSession>[0]): Promise<NonNullable<FoundSession>> {
  const session = await requestSession(ctx)
  if (session) return session
  throw noSession()
}

const withSession: typeof sensitiveSessionMiddleware = createAuthMiddleware(async (ctx) => ({
  session: await requireSession(ctx),
}))

/** Options of an endpoint for the current session. */
export const actsForSession: {
  method: 'POST'
  requireHeaders: true
  use: [typeof sensitiveSessionMiddleware]
  metadata: { noStore: true }
} = {
  method: 'POST',
  requireHeaders: true,
  use: [withSession],
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
