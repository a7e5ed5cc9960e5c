import { type Auth, type BetterAuthOptions, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { proxy } from 'hono/proxy'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import type { Database } from './database.ts'

export interface AuthServerOptions {
  readonly database: Database
  readonly origin: string
  readonly secret: string
}

/** The part of Better Auth that the app uses. */
type AuthServer = Pick<Auth, 'handler'>

/** Creates Better Auth with e-mail and password, with its tables and its signing key. */
export async function createAuthServer({ database, origin, secret }: AuthServerOptions): Promise<AuthServer> {
  const jwt = latchkeyJwt({
    jwt: { issuer: origin, audience: origin, definePayload: ({ user }) => ({ email: user.email }) },
  })
  const options = {
    baseURL: origin,
    secret,
    database: { db: database, type: 'sqlite', transaction: true },
    emailAndPassword: { enabled: true },
    plugins: [latchkey({ pairing: {} }), jwt],
    // A wrong password is not logged; errors are logged elsewhere.
    logger: { disabled: true },
    onAPIError: { onError: report },
  } satisfies BetterAuthOptions
  const auth = betterAuth(options)
  await (await getMigrations(options)).runMigrations()
  // The first call creates the signing key; concurrent first calls would create several.
  await auth.api.getJwks()
  return auth
}

/** Forwards requests to a separate account server. Pages, cookies and tokens still use the app's own origin. */
export function passAuthTo(server: string): AuthServer {
  return {
    handler(request) {
      const { pathname, search } = new URL(request.url)
      return proxy(`${server}${pathname}${search}`, { raw: request, redirect: 'manual' })
    },
  }
}

function report(error: unknown): void {
  if (!(error instanceof Error && error.name === 'APIError')) console.error(error)
}
