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

/** What the app uses of Better Auth. */
type AuthServer = Pick<Auth, 'handler'>

/** Better Auth with e-mail and password, ready to answer: its tables are there, and so is its signing key. */
export async function createAuthServer({ database, origin, secret }: AuthServerOptions): Promise<AuthServer> {
  const jwt = latchkeyJwt({
    jwt: { issuer: origin, audience: origin, definePayload: ({ user }) => ({ email: user.email }) },
  })
  const options = {
    baseURL: origin,
    secret,
    database: { db: database, type: 'sqlite', transaction: true },
    emailAndPassword: { enabled: true },
    plugins: [latchkey(), jwt],
    // A wrong password is no news; what is thrown on the way is.
    logger: { disabled: true },
    onAPIError: { onError: report },
  } satisfies BetterAuthOptions
  const auth = betterAuth(options)
  await (await getMigrations(options)).runMigrations()
  // The first call makes the signing key; several first calls at once would make several.
  await auth.api.getJwks()
  return auth
}

/** The app's own origin stays the one that pages, cookies and tokens know; accounts are kept elsewhere. */
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
