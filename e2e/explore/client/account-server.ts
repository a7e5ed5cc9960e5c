import { magicLink } from 'better-auth/plugins'
import { type TestDatabase, openSqlite } from '../../../adapters/better-auth/testing/database.testing.ts'
import { pathOf } from '../../../adapters/better-auth/testing/requests.testing.ts'
import { type TestServer, testServer } from '../../../adapters/better-auth/testing/server.testing.ts'

/** A link that was mailed. */
interface Letter {
  readonly to: string
  readonly kind: 'magic' | 'verify'
  /** Under the base URL. */
  readonly path: string
  readonly token: string
}

/** The account server that all devices reach, and what it sent out. */
export interface AccountServer {
  readonly server: TestServer
  readonly database: TestDatabase
  readonly letters: Letter[]
}

/** Starts Better Auth with Latchkey on SQLite in memory. */
export async function accountServer(): Promise<AccountServer> {
  const letters: Letter[] = []
  const database = openSqlite()
  const keep =
    (kind: Letter['kind']) =>
    async ({ email, user, url, token }: Message): Promise<void> =>
      void letters.push({ to: email ?? user!.email, kind, path: pathOf(url), token })
  const options = {
    emailAndPassword: { enabled: true },
    emailVerification: {
      sendVerificationEmail: keep('verify'),
      sendOnSignUp: true,
      autoSignInAfterVerification: true,
    },
    user: { deleteUser: { enabled: true } },
    plugins: [magicLink({ sendMagicLink: keep('magic') })],
  }
  return { server: await testServer(options, database), database, letters }
}

interface Message {
  readonly email?: string
  readonly user?: { readonly email: string }
  readonly url: string
  readonly token: string
}
