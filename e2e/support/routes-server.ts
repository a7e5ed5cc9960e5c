import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { passkey } from '@better-auth/passkey'
import { getRequestListener } from '@hono/node-server'
import { type BetterAuthOptions, type BetterAuthPlugin, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { emailOTP, genericOAuth, magicLink } from 'better-auth/plugins'
import SQLite from 'better-sqlite3'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { Kysely, SqliteDialect } from 'kysely'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { type OpenIdProvider, startOpenIdProvider } from 'latchkey/playwright'
import { build } from 'vite'

/** What was sent to a mailbox. */
export interface Mail {
  readonly url: string
  readonly token: string
  /** A code to type; empty in a mail with a link, as the others are in one with a code. */
  readonly otp: string
}

/** Who an account is, straight from the database. */
export interface AccountRow {
  readonly id: string
  readonly principal: string | null
  readonly principalOpen: number
  readonly emailVerified: number
}

/** An app with Better Auth, every redirecting route, and a page. */
export interface RoutesServer {
  readonly url: string
  readonly provider: OpenIdProvider
  /** The last mail to an address. */
  mailTo(email: string): Mail
  /** The account with an address; undefined where there is none. */
  account(email: string): AccountRow | undefined
  /** Rows of a query on the server's own database. */
  rows<Row>(query: string, ...values: string[]): Row[]
  /** Changes the server's own database. */
  change(statement: string, ...values: string[]): void
  close(): Promise<void>
}

const PAGE =
  '<!doctype html><title>Items</title><link rel="icon" href="data:,"><script type="module" src="/routes.js"></script>'

/**
 * Under `npm run test:cluster` several Better Auths on one database take turns: what one of them remembered, the next
 * does not know.
 */
const INSTANCES = process.env['LATCHKEY_CLUSTER'] ? 3 : 1

/** As GitLab has them, so that a built-in provider can use it too; discovery tells everybody else. */
const ENDPOINTS = { authorize: '/oauth/authorize', token: '/oauth/token', userinfo: '/api/v4/user' }

/** How a server for specs differs from the others. */
export interface RoutesOptions {
  /** Sessions are cached in a cookie, for five minutes. */
  readonly cookieCache: boolean
  /** A sign-up with a password gives no session before the address is verified. */
  readonly requireVerification: boolean
  /**
   * The name in its address. Defaults to `localhost`. With another one, which the browser must resolve, pages at
   * `localhost` may use its accounts from another site.
   */
  readonly host?: string
}

/** Starts an app with Better Auth on SQLite in memory, and an OpenID provider beside it. */
export async function startRoutesServer(options: RoutesOptions): Promise<RoutesServer> {
  const listening = createServer().listen(0, '127.0.0.1')
  const [files, provider] = await Promise.all([
    buildPage(),
    startOpenIdProvider({ endpoints: ENDPOINTS }),
    once(listening, 'listening'),
  ])
  const { port } = listening.address() as AddressInfo
  const { host = 'localhost' } = options
  const url = `http://${host}:${port}`
  const pages = `http://localhost:${port}`
  const database = new SQLite(':memory:')
  database.exec('CREATE TABLE item (owner TEXT NOT NULL)')
  const mails = new Map<string, Mail>()
  // It hands its one connection out to one transaction at a time.
  const shared = new Kysely({ dialect: new SqliteDialect({ database }) })
  const auths = Array.from({ length: INSTANCES }, () =>
    betterAuth(authOptions({ url, pages, shared, provider, mails, ...options })),
  )
  const auth = auths[0]!
  let turn = 0
  await (await getMigrations(auth.options)).runMigrations()
  await auth.api.getJwks()
  const resolver = createBetterAuthResolver(auth)

  async function items(request: Request): Promise<Response> {
    const who = await resolver.resolve(request)
    if (!who.ok) return who.response()
    const { principal, principals } = who.session
    if (request.method === 'POST') database.prepare('INSERT INTO item VALUES (?)').run(principal)
    const found = principals.flatMap((owner) => database.prepare('SELECT owner FROM item WHERE owner = ?').all(owner))
    return Response.json({ principal, items: found.length })
  }

  function answer(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/api/auth/')) return auths[turn++ % INSTANCES]!.handler(request)
    if (pathname === '/api/items') return items(request)
    const script = files.get(pathname)
    return new Response(script ?? PAGE, { headers: { 'content-type': script ? 'text/javascript' : 'text/html' } })
  }

  listening.on('request', getRequestListener(url === pages ? answer : acrossOrigins(pages, answer)))
  const rows = <Row>(query: string, ...values: string[]): Row[] => database.prepare(query).all(...values) as Row[]
  return {
    url,
    provider,
    mailTo: (email) => mails.get(email)!,
    account: (email) =>
      rows<AccountRow>('SELECT id, principal, principalOpen, emailVerified FROM user WHERE email = ?', email)[0],
    rows,
    change: (statement, ...values) => void database.prepare(statement).run(...values),
    async close() {
      listening.closeAllConnections()
      await new Promise((resolve) => listening.close(resolve))
      await provider.close()
      database.close()
    },
  }
}

type Answer = (request: Request) => Response | Promise<Response>

/** Answers pages of another origin, too, as docs/better-auth.md says. */
function acrossOrigins(origin: string, answer: Answer): Answer {
  const app = new Hono()
  const allowHeaders = ['content-type', 'x-latchkey-proof', 'x-latchkey-expect']
  app.use(cors({ origin, credentials: true, allowHeaders, allowMethods: ['GET', 'POST'] }))
  app.all('*', ({ req }) => answer(req.raw))
  return app.fetch
}

interface Given extends RoutesOptions {
  readonly url: string
  /** The origin of pages of another site; its own where there are none. */
  readonly pages: string
  readonly shared: Kysely<unknown>
  readonly provider: OpenIdProvider
  readonly mails: Map<string, Mail>
}

function authOptions({ url, pages, shared, provider, mails, cookieCache, requireVerification }: Given) {
  const client = { clientId: 'items', clientSecret: 'secret' }
  const openId = {
    ...client,
    providerId: 'openid',
    discoveryUrl: `${provider.url}/.well-known/openid-configuration`,
    pkce: true,
    scopes: ['openid', 'email', 'profile'],
  }
  const post = (email: string, mail: Partial<Mail>): Promise<void> =>
    Promise.resolve(void mails.set(email, { url: '', token: '', otp: '', ...mail }))
  return {
    baseURL: url,
    trustedOrigins: [pages],
    secret: 'for specs alone, and long enough',
    database: { db: shared, type: 'sqlite' as const, transaction: true },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    advanced: { disableOriginCheck: false },
    session: { cookieCache: { enabled: cookieCache } },
    emailAndPassword: { enabled: true, requireEmailVerification: requireVerification },
    emailVerification: {
      sendOnSignUp: true,
      autoSignInAfterVerification: true,
      sendVerificationEmail: ({ user, ...mail }) => post(user.email, mail),
    },
    socialProviders: { gitlab: { ...client, issuer: provider.url } },
    plugins: [
      latchkey(),
      latchkeyJwt({ jwt: { issuer: url, audience: url } }),
      magicLink({ sendMagicLink: ({ email, ...mail }) => post(email, mail) }),
      emailOTP({ sendVerificationOTP: ({ email, otp }) => post(email, { otp }) }),
      genericOAuth({ config: [openId] }),
      passkey() as unknown as BetterAuthPlugin,
    ],
  } satisfies BetterAuthOptions
}

/** @returns what the page loads, by path */
async function buildPage(): Promise<Map<string, string>> {
  const outDir = mkdtempSync(join(tmpdir(), 'latchkey-routes-'))
  const input = { routes: fileURLToPath(new URL('../harness/routes.ts', import.meta.url)) }
  await build({
    logLevel: 'silent',
    configFile: false,
    build: {
      outDir,
      modulePreload: false,
      rollupOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' } },
    },
  })
  const files = new Map(readdirSync(outDir).map((name) => [`/${name}`, readFileSync(join(outDir, name), 'utf8')]))
  rmSync(outDir, { recursive: true })
  return files
}
