import { type Auth, type BetterAuthOptions, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { magicLink } from 'better-auth/plugins'
import { proxy } from 'hono/proxy'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import type { Database } from './database.ts'
import type { Mailbox } from './mailbox.ts'

export interface AuthServerOptions {
  readonly database: Database
  readonly origin: string
  readonly secret: string
  /** Takes the letters. A real server sends mails. */
  readonly mailbox: Mailbox
}

/** Limits of sealed backups of identities without an account. */
const BACKUPS = { perAddressAndDay: 50, total: 100_000, days: 365 }

/** The part of Better Auth that the app uses. */
type AuthServer = Pick<Auth, 'handler'>

/** Creates Better Auth with e-mail, by password or link, with its tables and its signing key. */
export async function createAuthServer({ database, origin, secret, mailbox }: AuthServerOptions): Promise<AuthServer> {
  const jwt = latchkeyJwt({
    jwt: { issuer: origin, audience: origin, definePayload: ({ user }) => ({ email: user.email }) },
  })
  const post = (to: string, subject: string, link: string): void => mailbox.post({ to, subject, link })
  const options = {
    baseURL: origin,
    secret,
    database: { db: database, type: 'sqlite', transaction: true },
    emailAndPassword: {
      enabled: true,
      // In the fragment, which no server and no log sees.
      sendResetPassword: async ({ user, token }) =>
        post(user.email, 'Choose a new password', `${origin}/#reset=${token}`),
    },
    emailVerification: {
      sendOnSignUp: true,
      sendVerificationEmail: async ({ user, url }) => post(user.email, 'Confirm your address', url),
    },
    plugins: [
      latchkey({ pairing: {}, backupsWithoutAccount: BACKUPS }),
      jwt,
      magicLink({ sendMagicLink: ({ email, token }) => post(email, 'Sign in', `${origin}/#sign-in=${token}`) }),
    ],
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
