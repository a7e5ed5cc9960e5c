import { type BetterAuthOptions, type BetterAuthPlugin, type DBAdapter, betterAuth } from 'better-auth'
import { createAuthClient } from 'better-auth/client'
import { getAuthTables } from 'better-auth/db'
import { getMigrations } from 'better-auth/db/migration'
import { onTestFinished } from 'vitest'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../../lib/client/lazy.ts'
import { type Auth, type AuthOptions, createAuth, memoryStore } from '../../../lib/index.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import type { Adapter } from '../binding/types.ts'
import { betterAuthAccount, latchkeyClient } from '../client/index.ts'
import { type Migrate, type TestDatabase, openSqlite } from './database.testing.ts'
import { type BetterAuthInstance, latchkey, latchkeyJwt } from '../index.ts'

export const ORIGIN = 'https://notes.example'
export const AUDIENCE = `${ORIGIN}/api/auth`

/** A real Better Auth on a real database. */
export interface TestServer {
  readonly auth: BetterAuthInstance
  /** The database behind its back. */
  readonly adapter: DBAdapter
  /** Every statement that was sent to the database, where the engine tells. */
  readonly statements: readonly string[]
  readonly handler: (request: Request) => Promise<Response>
  readonly options: BetterAuthOptions
  /** All rows of a table, the same on every engine: booleans are booleans, times are dates. */
  rows(table: string): Promise<Record<string, unknown>[]>
  /** Changes all rows of a table, or those of `where`, as a person with access to the database could. */
  change(table: string, update: Record<string, unknown>, where?: Record<string, string>): Promise<void>
  /** Another person's browser. */
  browser(): TestBrowser
}

/** One browser: cookies, and a Better Auth client that uses them. */
export interface TestBrowser {
  readonly client: ReturnType<typeof newClient>
  /** Every request that left the browser, as method and path. */
  readonly requests: Request[]
  readonly cookies: Map<string, string>
  readonly store: ReturnType<typeof memoryStore>
  /** Answers in place of the network, for one request. */
  intercept: ((request: Request, forward: () => Promise<Response>) => Promise<Response>) | null
  /** Loads the page. */
  load(options?: AuthOptions): Promise<Auth>
  /** Sends a request by hand. */
  send(path: string, init?: RequestInit): Promise<Response>
}

/** Options that every test server has. */
export const BASE_OPTIONS = {
  baseURL: ORIGIN,
  secret: 'a secret of at least thirty-two characters',
  // Hashing is not what is tested.
  emailAndPassword: {
    enabled: true,
    password: {
      hash: async (password: string) => password,
      verify: async ({ hash, password }: Record<'hash' | 'password', string>) => hash === password,
    },
  },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  // Better Auth skips it in tests by default.
  advanced: { disableOriginCheck: false },
} as const satisfies BetterAuthOptions

/** Starts a server. The database gets its tables unless it has them. */
export async function testServer(
  extra: Partial<BetterAuthOptions> = {},
  { database, statements, prepare }: Pick<TestDatabase, 'database' | 'statements' | 'prepare'> = openSqlite(),
): Promise<TestServer> {
  const options: BetterAuthOptions = {
    ...BASE_OPTIONS,
    ...extra,
    emailAndPassword: { ...BASE_OPTIONS.emailAndPassword, ...extra.emailAndPassword },
    database,
    plugins: withLatchkey(extra.plugins ?? []),
  }
  const auth = betterAuth(options)
  const migrate: Migrate = async (target) =>
    (await getMigrations({ ...auth.options, database: target })).runMigrations()
  if (prepare) await prepare(schemaOf(auth.options), migrate)
  else if (typeof database !== 'function') await migrate(database)
  const { adapter } = await auth.$context
  const matching = (where: Record<string, string>) => Object.entries(where).map(([field, value]) => ({ field, value }))
  return {
    auth,
    adapter,
    statements,
    handler: auth.handler,
    options: auth.options,
    rows: (model) => adapter.findMany({ model, limit: 10_000 }),
    change: async (model, update, where = {}) =>
      void (await adapter.updateMany({ model, update, where: matching(where) })),
    browser: () => testBrowser(auth.handler),
  }
}

/** All that the tables depend on. */
function schemaOf(options: BetterAuthOptions): string {
  return JSON.stringify([getAuthTables(options), options.advanced?.database])
}

/** In front of the others, unless a test says where. */
function withLatchkey(plugins: BetterAuthPlugin[]): BetterAuthPlugin[] {
  return plugins.some(({ id }) => id === 'latchkey') ? plugins : [latchkey(), latchkeyJwt(), ...plugins]
}

function testBrowser(handler: TestServer['handler']): TestBrowser {
  const cookies = new Map<string, string>()
  const requests: Request[] = []
  const store = memoryStore()

  async function network(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    requests.push(request.clone())
    request.headers.set('origin', ORIGIN)
    if (cookies.size) request.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
    const forward = async (): Promise<Response> => {
      const response = await handler(request)
      for (const cookie of response.headers.getSetCookie()) keepCookie(cookies, cookie)
      return response
    }
    const { intercept } = browser
    browser.intercept = null
    return intercept ? intercept(request, forward) : forward()
  }

  const client = newClient(network)
  const browser: TestBrowser = {
    client,
    requests,
    cookies,
    store,
    intercept: null,
    async load(options) {
      const auth = createAuth({ account: betterAuthAccount(client), keystore: store, audience: ORIGIN, ...options })
      // It would go on asking the server, with the tests of other files beside it.
      onTestFinished(() => auth.close())
      await auth.ready
      return auth
    },
    send: (path, init) => network(`${AUDIENCE}${path}`, init),
  }
  return browser
}

function newClient(network: typeof fetch) {
  return createAuthClient({ baseURL: ORIGIN, plugins: [latchkeyClient()], fetchOptions: { customFetchImpl: network } })
}

function keepCookie(cookies: Map<string, string>, header: string): void {
  const [pair = '', ...attributes] = header.split(';')
  const name = pair.slice(0, pair.indexOf('='))
  if (attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))) cookies.delete(name)
  else cookies.set(name, pair.slice(name.length + 1))
}

/** Credentials of a person. */
export function person(name: string): { email: string; password: string; name: string } {
  return { email: `${name}@example.com`, password: 'correct horse battery', name }
}

/** The store of a request that is made now, or at another time. */
export function storeOf(adapter: Adapter | DBAdapter, now: Date = new Date()): PrincipalStore {
  return principalStore(adapter, now)
}
