import type { AccountProvider, AccountSession, Typing } from '../client/shared/account-provider.ts'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { type ProofVerifier, createProofVerifier } from '../tokens/verify.ts'
import type { Wire } from './faulty-store.ts'

/** One account of a {@link MemoryAccountServer}. */
export interface MemoryAccount {
  readonly accountId: string
  principal: string
  aliases: readonly string[]
  recoverable: boolean
  claims: Readonly<Record<string, unknown>>
  /** True while the account is unused. */
  open?: boolean
  /** Its verified identifiers. */
  identifiers?: readonly string[]
}

/** An account server in memory that checks proofs as a real one does, for tests without a backend. */
export interface MemoryAccountServer {
  /** Accounts by sign-in name. Tests may change them. */
  readonly accounts: Map<string, MemoryAccount>
  /** Creates another browser. */
  connect(): MemoryAccountClient
}

/** One page's connection to the account server. */
export interface MemoryAccountClient {
  /** For `createAuth({ account })`. */
  readonly provider: AccountProvider
  /** Creates an account and signs in to it. Call it inside `upgrade`. */
  signUp(name: string): Promise<unknown>
  /** Signs in. Call it inside `upgrade`. */
  signIn(name: string): Promise<unknown>
  /** Requests a link by mail; there is no session yet. Call it inside `upgrade`. */
  requestLink(identifier: string): Promise<unknown>
  /** Name of the account that is signed in on the server. */
  readonly session: string | null
  /** Ends or sets a session without the client's knowledge. */
  setSession(name: string | null): void
  /** False: no request reaches the server. */
  online: boolean
  /** True: the next request reaches the server, but its response is lost. */
  loseNextAnswer: boolean
  /** Names of the calls that reached the server. */
  readonly calls: readonly string[]
  /**
   * Opens another page of the same browser: it shares the session and the network.
   *
   * @param wire - transports its requests; `createFaults().wire('OFFLINE')` can make them fail
   */
  openPage(wire?: Wire): MemoryAccountClient
}

/** State that the pages of one browser share. */
interface Browser {
  session: string | null
  /** Number of sessions so far. */
  sessions: number
  /** When the session began, milliseconds since 1970. */
  startedAt: number
  /** Of the server. */
  readonly clock: () => number
  online: boolean
  loseNextAnswer: boolean
  readonly calls: string[]
}

interface Server extends MemoryAccountServer {
  readonly verifier: ProofVerifier
  readonly used: Set<string>
}

const AUDIENCE = 'https://auth.example/api/auth'

/**
 * Creates an account server without accounts.
 *
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function memoryAccountServer(clock: () => number = Date.now): MemoryAccountServer {
  const server: Server = {
    accounts: new Map(),
    verifier: createProofVerifier({ audience: AUDIENCE, clock }),
    used: new Set(),
    connect: () =>
      openPage(server, clock, {
        session: null,
        sessions: 0,
        startedAt: 0,
        clock,
        online: true,
        loseNextAnswer: false,
        calls: [],
      }),
  }
  return server
}

const straight: Wire = (_, work) => work()

function openPage(server: Server, clock: () => number, browser: Browser, wire: Wire = straight): MemoryAccountClient {
  const call = <Answer>(name: string, answer: () => Answer | Promise<Answer>): Promise<Answer> =>
    wire(name, () => reach(browser, name, answer))
  const carrier = createCarrier(server)
  const page: Omit<MemoryAccountClient, 'session' | 'online' | 'loseNextAnswer'> = {
    calls: browser.calls,
    openPage: (other) => openPage(server, clock, browser, other),
    setSession: (name) => setSession(browser, name),
    signUp: (name) => call('signUp', async () => signUp(server, browser, name, await carrier.proven())),
    signIn: (name) => call('signIn', async () => (await carrier.proven(), signIn(server, browser, name))),
    async requestLink(identifier) {
      await carrier.typed(identifier)
      return call('requestLink', async () => (await carrier.proven(), { data: {} }))
    },
    provider: {
      audience: AUDIENCE,
      getSession: ({ peek } = {}) => call('getSession', () => readSession(server, browser, peek)),
      getToken: () => call('getToken', () => issue(server, browser.session, clock)),
      withProof: carrier.withProof,
      bind: (prove) => call('bind', () => bind(server, browser, prove)),
      link: (prove) => call('link', () => link(server, browser, prove)),
      exchange: (audience, prove) => call('exchange', () => exchange(server, browser, clock, { audience, prove })),
      isKnown: (prove) => call('isKnown', () => isKnown(server, prove)),
      unlink: (alias) => call('unlink', () => unlink(server, browser, alias)),
      readFailure,
      isEnded: (sessionId) => call('isEnded', () => sessionId !== `session-${browser.sessions}`),
      getTime: () => call('getTime', clock),
      signOut: () => call('signOut', () => setSession(browser, null)),
    },
  }
  return Object.defineProperties(page as MemoryAccountClient, {
    session: { get: () => browser.session },
    online: {
      get: () => browser.online,
      set(online: boolean) {
        browser.online = online
      },
    },
    loseNextAnswer: {
      get: () => browser.loseNextAnswer,
      set(lose: boolean) {
        browser.loseNextAnswer = lose
      },
    },
  })
}

async function reach<Answer>(browser: Browser, name: string, answer: () => Answer | Promise<Answer>): Promise<Answer> {
  if (!browser.online) throw new LatchkeyError('OFFLINE')
  browser.calls.push(name)
  const given = await answer()
  if (!browser.loseNextAnswer) return given
  browser.loseNextAnswer = false
  throw new LatchkeyError('OFFLINE', 'the response was lost')
}

interface Carrier {
  readonly withProof: AccountProvider['withProof']
  /** Returns the principal that the request's proof proves, if it carries one. */
  proven(): Promise<string | null>
  /** Records that the user typed an identifier. */
  typed(identifier: string): Promise<void>
}

function createCarrier({ verifier, used }: Server): Carrier {
  let mint: (() => Promise<string>) | null = null
  let typing: Typing | undefined
  let sent = false
  return {
    async withProof(minter, run, typed) {
      ;[mint, sent, typing] = [minter, false, typed]
      const end = (): void => void (typing === typed && ([mint, typing] = [null, undefined]))
      typed?.signal?.addEventListener('abort', end)
      try {
        return { result: await run(), sent }
      } finally {
        end()
      }
    },
    typed: async (identifier) => typing?.onTyped(identifier),
    async proven() {
      sent = true
      if (!mint) return null
      const { principal, claims } = await verifier.verify(await mint(), { purpose: 'upgrade' })
      if (used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
      used.add(claims.jti)
      return principal
    },
  }
}

function signUp({ accounts }: Server, browser: Browser, name: string, principal: string | null): unknown {
  if (accounts.has(name)) return { error: { message: 'exists' } }
  if (principal !== null && holdersOf(accounts, principal).length > 0)
    return { error: new LatchkeyError('PRINCIPAL_TAKEN') }
  const accountId = `account-${accounts.size + 1}`
  accounts.set(name, { accountId, principal: principal ?? accountId, aliases: [], recoverable: false, claims: {} })
  setSession(browser, name)
  return { data: { accountId } }
}

function signIn({ accounts }: Server, browser: Browser, name: string): unknown {
  if (!accounts.has(name)) return { error: { message: 'unknown' } }
  setSession(browser, name)
  return { data: {} }
}

function setSession(browser: Browser, name: string | null): void {
  browser.session = name
  browser.sessions++
  browser.startedAt = browser.clock()
}

function readSession(
  { accounts }: Server,
  { session, sessions, startedAt, clock }: Browser,
  peek?: boolean,
): AccountSession | null {
  const account = accounts.get(session ?? '')
  if (!account) return null
  if (!peek) account.open = false
  const { accountId, principal, aliases, recoverable, open = false, identifiers = [] } = account
  return {
    id: `session-${sessions}`,
    accountId,
    principal,
    aliases,
    recoverable,
    identifiers,
    ...(peek && { open, age: clock() - startedAt }),
  }
}

const NONCE = 'nonce'

async function bind(
  server: Server,
  browser: Browser,
  prove: (nonce: string) => Promise<string>,
): Promise<AccountSession> {
  const account = server.accounts.get(browser.session ?? '')
  if (!account) throw new LatchkeyError('SESSION_MISSING')
  const { principal } = await server.verifier.verify(await prove(NONCE), { purpose: 'bind', nonce: NONCE })
  checkFree(server, account, principal)
  if (account.open) Object.assign(account, { principal, open: false, aliases: [account.accountId] })
  return readSession(server, browser)!
}

function checkFree({ accounts }: Server, account: MemoryAccount, principal: string): void {
  if (holdersOf(accounts, principal).some((holder) => holder !== account)) throw new LatchkeyError('PRINCIPAL_TAKEN')
}

/** The accounts with a principal as their own or as an alias: one at most, unless a test makes more. */
function holdersOf(accounts: Server['accounts'], principal: string): MemoryAccount[] {
  return [...accounts.values()].filter((account) => [account.principal, ...account.aliases].includes(principal))
}

async function link(
  server: Server,
  browser: Browser,
  prove: (nonce: string) => Promise<string>,
): Promise<AccountSession> {
  const account = server.accounts.get(browser.session ?? '')
  if (!account) throw new LatchkeyError('SESSION_MISSING')
  const { principal } = await server.verifier.verify(await prove(NONCE), {
    purpose: 'link',
    nonce: NONCE,
    linkTo: account.principal,
  })
  checkFree(server, account, principal)
  if (![account.principal, ...account.aliases].includes(principal)) account.aliases = [...account.aliases, principal]
  return readSession(server, browser)!
}

function unlink(server: Server, browser: Browser, alias: string): AccountSession {
  const account = server.accounts.get(browser.session ?? '')
  if (!account) throw new LatchkeyError('SESSION_MISSING')
  account.aliases = account.aliases.filter((other) => other !== alias)
  return readSession(server, browser)!
}

interface Exchange {
  readonly audience: string
  readonly prove: (() => Promise<string>) | null
}

async function exchange(
  { accounts, verifier, used }: Server,
  { session }: Browser,
  clock: () => number,
  { audience, prove }: Exchange,
): Promise<string | null> {
  if (!prove) {
    const account = accounts.get(session ?? '')
    return account ? tokenOf(account.principal, clock, { aud: audience, ...accountClaims(account) }) : null
  }
  const { principal, claims } = await verifier.verify(await prove(), { purpose: 'exchange' })
  if (used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
  used.add(claims.jti)
  if (holdersOf(accounts, principal).some(({ recoverable }) => recoverable))
    throw new LatchkeyError('PRINCIPAL_DISABLED')
  return tokenOf(principal, clock, { aud: audience, auth_mode: 'local-first' })
}

async function isKnown({ accounts, verifier, used }: Server, prove: () => Promise<string>): Promise<boolean> {
  const { principal, claims } = await verifier.verify(await prove(), { purpose: 'known' })
  if (used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
  used.add(claims.jti)
  return holdersOf(accounts, principal).length > 0
}

function issue({ accounts }: Server, name: string | null, clock: () => number): string | null {
  const account = accounts.get(name ?? '')
  return account ? tokenOf(account.principal, clock, accountClaims(account)) : null
}

/** The claims that Latchkey's account server puts into an account's token. */
function accountClaims({ aliases, claims }: MemoryAccount): object {
  return { auth_mode: 'external', aliases, ...claims }
}

function tokenOf(sub: string, clock: () => number, claims: object): string {
  const iat = Math.floor(clock() / 1000)
  const payload = { iss: AUDIENCE, sub, iat, exp: iat + 900, ...claims }
  // Unsigned: nothing here verifies it, and no server should accept it.
  return ['{"alg":"none"}', JSON.stringify(payload), '']
    .map((part) => encodeBase64url(new TextEncoder().encode(part)))
    .join('.')
}

function readFailure(outcome: unknown): LatchkeyError | null {
  if (isLatchkeyError(outcome)) return outcome
  const { error } = (outcome ?? {}) as { error?: unknown }
  if (!error) return null
  return isLatchkeyError(error) ? error : new LatchkeyError('PROVIDER_REFUSED', undefined, error)
}
