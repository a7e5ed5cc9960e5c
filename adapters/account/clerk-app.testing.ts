import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { exportJWK, generateKeyPair } from 'jose'
import { type AccountProvider, type Auth, type AuthOptions, createAuth, memoryStore } from '../../lib/index.ts'
import {
  type BinderExchangeOptions,
  type ExternalBinder,
  type ExternalIssuer,
  type RevokedSession,
  type SessionResolver,
  type SigningJwk,
  clerk,
  createBinderHandler,
  createExternalBinder,
  createSessionResolver,
  sqliteBindingStore,
} from '../../lib/server.ts'
import { type ClerkBrowser, type ClerkInstance, startClerk } from './clerk.testing.ts'
import { tokenAccount } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

export const APP = 'https://notes.example'
export const SERVER = `${APP}/identity`
export const SYNC = 'https://sync.notes.example'
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
export const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'

/** An app whose accounts are Clerk's, with a durable store of bindings. */
export interface ClerkApp {
  readonly instance: ClerkInstance
  /** A server process: another one on the same file has the same accounts. */
  startServer(more?: Pick<Partial<ExternalIssuer>, 'authorizedParties' | 'clients'>): Promise<ClerkServer>
  /** A browser with Clerk's SDK and Latchkey. */
  startBrowser(server: () => Pick<ClerkServer, 'handle'>, agent?: string): ClerkAppBrowser
  close(): Promise<void>
}

export interface ClerkServer {
  readonly binder: ExternalBinder
  handle(request: Request): Promise<Response>
  /** An API of the app: it takes Clerk's tokens and those of devices. */
  readonly api: SessionResolver
  /** A sync server: it takes exchanged tokens only. */
  readonly sync: SessionResolver
  readonly revoked: RevokedSession[]
}

export interface ClerkAppBrowser {
  readonly sdk: ClerkBrowser
  readonly account: AccountProvider
  /** Loads the page. */
  load(options?: AuthOptions): Promise<Auth>
}

/** How the app's exchange signs. */
type Signing = Pick<BinderExchangeOptions, 'claims'> & { readonly algorithm?: 'EdDSA' | 'RS256' }

export async function clerkApp(clock: () => number, signing: Signing = {}): Promise<ClerkApp> {
  const { algorithm = 'EdDSA', ...claims } = signing
  const instance = await startClerk(() => clock() / 1000)
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-clerk-'))
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const named = { kid: 'one', alg: algorithm }
  const key = { ...(await exportJWK(pair.privateKey)), ...named } as SigningJwk
  const publicKey = { ...(await exportJWK(pair.publicKey)), ...named }
  /** Ends the connections of the servers. */
  const closing: (() => void)[] = []

  async function startServer(
    more: Pick<Partial<ExternalIssuer>, 'authorizedParties' | 'clients'> = {},
  ): Promise<ClerkServer> {
    const database = new Sqlite(join(folder, 'identity.db'))
    closing.push(() => database.close())
    const store = sqliteBindingStore(database, clock)
    await store.migrate()
    const rules = clerk({ issuer: instance.frontendApi, authorizedParties: [APP], ...more })
    const revoked: RevokedSession[] = []
    const binder = createExternalBinder({
      issuers: [rules],
      store,
      audience: SERVER,
      secret: 'a secret of at least thirty-two characters',
      onRevoke(session) {
        revoked.push(session)
        instance.revokeSession(session.session)
      },
      clock,
    })
    const exchange = { issuer: APP, keys: [key], audiences: [SYNC], ...claims }
    const handle = createBinderHandler({ binder, exchange, clock })
    const { lookup, lookupSession, findPrincipals } = binder
    const api = createSessionResolver({
      localFirst: { audience: APP, lookup },
      external: { ...rules, principal: findPrincipals, lookupSession },
      clock,
    })
    const sync = createSessionResolver({
      external: {
        issuer: APP,
        publicKey: publicKey as never,
        audience: SYNC,
        requiredClaims: ['auth_mode'],
        aliases: true,
        principal: 'sub',
        lookupSession,
      },
      clock,
    })
    return { binder, handle, api, sync, revoked }
  }

  function startBrowser(server: () => Pick<ClerkServer, 'handle'>, agent = FIREFOX): ClerkAppBrowser {
    const sdk = instance.browser(APP)
    const keystore = memoryStore()
    const account = tokenAccount({
      getToken: () => sdk.session?.getToken() ?? null,
      signOut: () => sdk.signOut(),
      server: SERVER,
      async fetch(input, init) {
        const request = new Request(input, init)
        request.headers.set('user-agent', agent)
        return server().handle(request)
      },
    })
    const load = async (options: AuthOptions = {}): Promise<Auth> => {
      const auth = createAuth({
        account,
        keystore,
        audience: APP,
        audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } },
        harden: 'never',
        clock,
        ...options,
      })
      await auth.ready
      return auth
    }
    return { sdk, account, load }
  }

  return {
    instance,
    startServer,
    startBrowser,
    async close() {
      for (const close of closing) close()
      rmSync(folder, { recursive: true })
      await instance.close()
    },
  }
}
