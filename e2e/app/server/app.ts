import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createSessionResolver, isLatchkeyError, toResponse } from 'latchkey/server'
import { createAuthServer, passAuthTo } from './auth.ts'
import type { Database } from './database.ts'
import { type Mailbox, createMailbox, serveMailbox } from './mailbox.ts'
import { createNotes } from './notes.ts'
import { onlyHost, securityHeaders } from './security.ts'
import { createSite } from './site.ts'

export interface AppOptions {
  readonly database: Database
  /** The app's public origin, such as `http://localhost:4390`. */
  readonly origin: string
  readonly secret: string
  /** The built page. */
  readonly siteFolder: string
  /** Origin of a separate account server; null: accounts are in this server. */
  readonly accounts: string | null
  /** Defaults to one of its own. */
  readonly mailbox?: Mailbox
}

/** A note has at most 100,000 characters, and JSON can take six bytes for each. */
const REQUEST_LIMIT = 1024 * 1024

/** Creates the whole server: accounts, notes and the page. */
export async function createApp(options: AppOptions): Promise<Hono> {
  const { database, origin, secret, siteFolder, accounts, mailbox = createMailbox() } = options
  const auth = accounts === null ? await createAuthServer({ database, origin, secret, mailbox }) : passAuthTo(accounts)
  const resolver = createSessionResolver({
    localFirst: { audience: origin, afterUpgrade: 'allow' },
    external: { issuer: origin, jwksUrl: `${origin}/api/auth/jwks`, audience: origin, aliases: true },
  })

  const app = new Hono()
  app.onError(respondToError)
  app.use(securityHeaders, onlyHost(origin))
  // The rest of the request is not read, so the connection cannot be reused.
  app.use(
    '/api/*',
    bodyLimit({
      maxSize: REQUEST_LIMIT,
      onError: (context) => context.json({ error: 'too large' }, 413, { connection: 'close' }),
    }),
  )
  app.get('/api/health', (context) => context.json({ ok: true }))
  app.on(['GET', 'POST'], '/api/auth/*', (context) => auth.handler(context.req.raw))
  app.route('/api/notes', createNotes(database, resolver))
  app.route('/api/mailbox', serveMailbox(mailbox))
  app.route('/', createSite(siteFolder))
  return app
}

function respondToError(error: Error): Response {
  if (isLatchkeyError(error)) return toResponse(error)
  console.error(error)
  return Response.json({ error: 'internal' }, { status: 500 })
}
