import type { AccountProvider, AccountSession } from '../client/account.ts'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/base64url.ts'
import { type ProofVerifier, createProofVerifier } from '../tokens/verify.ts'
import type { Wire } from './faulty-store.ts'

/** One account of a {@link MemoryAccountServer}. */
export interface MemoryAccount {
  readonly accountId: string
  principal: string
  aliases: readonly string[]
  recoverable: boolean
  claims: Readonly<Record<string, unknown>>
}

/** An account server that lives in memory and checks proofs as a real one does, for tests without a backend. */
export interface MemoryAccountServer {
  /** Accounts by the name that they sign in with. Tests may change them. */
  readonly accounts: Map<string, MemoryAccount>
  /** Another browser. */
  connect(): MemoryAccountClient
}

/** One page's connection to the account server. */
export interface MemoryAccountClient {
  /** For `createAuth({ account })`. */
  readonly provider: AccountProvider
  /** Makes an account and signs in to it. Call it inside `upgrade`. */
  signUp(name: string): Promise<unknown>
  /** Signs in. Call it inside `upgrade`. */
  signIn(name: string): Promise<unknown>
  /** Name of the account that is signed in at the server. */
  readonly session: string | null
  /** Ends or plants a session behind the client's back. */
  setSession(name: string | null): void
  /** False: nothing reaches the server. */
  online: boolean
  /** True: the next call reaches the server, but its answer is lost. */
  loseNextAnswer: boolean
  /** Names of the calls that reached the server. */
  readonly calls: readonly string[]
  /**
   * Another page of the same browser: it shares the session and the network.
   *
   * @param wire - carries its requests; `createFaults().wire('OFFLINE')` lets them fail
   */
  openPage(wire?: Wire): MemoryAccountClient
}

/** What the pages of one browser share. */
interface Browser {
  session: string | null
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
 * Makes an account server without accounts.
 *
 * @param clock - milliseconds since 1970; the system clock unless told
 */
export function memoryAccountServer(clock: () => number = Date.now): MemoryAccountServer {
  const server: Server = {
    accounts: new Map(),
    verifier: createProofVerifier({ audience: AUDIENCE, clock }),
    used: new Set(),
    connect: () => openPage(server, clock, { session: null, online: true, loseNextAnswer: false, calls: [] }),
  }
  return server
}

const straight: Wire = (_, work) => work()

function openPage(server: Server, clock: () => number, browser: Browser, wire: Wire = straight): MemoryAccountClient {
  const call = <Answer>(name: string, answer: () => Answer | Promise<Answer>): Promise<Answer> => wire(name, () => reach(browser, name, answer))
  const carrier = createCarrier(server)
  const page: Omit<MemoryAccountClient, 'session' | 'online' | 'loseNextAnswer'> = {
    calls: browser.calls,
    openPage: (other) => openPage(server, clock, browser, other),
    setSession: (name) => void (browser.session = name),
    signUp: (name) => call('signUp', async () => signUp(server, browser, name, await carrier.proven())),
    signIn: (name) => call('signIn', async () => (await carrier.proven(), signIn(server, browser, name))),
    provider: {
      audience: AUDIENCE,
      getSession: () => call('getSession', () => readSession(server, browser.session)),
      getToken: () => call('getToken', () => issue(server, browser.session, clock)),
      withProof: carrier.withProof,
      readFailure,
      getTime: () => call('getTime', clock),
      signOut: () => call('signOut', () => void (browser.session = null)),
    },
  }
  return Object.defineProperties(page as MemoryAccountClient, {
    session: { get: () => browser.session },
    online: { get: () => browser.online, set(online: boolean) { browser.online = online } },
    loseNextAnswer: { get: () => browser.loseNextAnswer, set(lose: boolean) { browser.loseNextAnswer = lose } },
  })
}

async function reach<Answer>(browser: Browser, name: string, answer: () => Answer | Promise<Answer>): Promise<Answer> {
  if (!browser.online) throw new LatchkeyError('OFFLINE')
  browser.calls.push(name)
  const given = await answer()
  if (!browser.loseNextAnswer) return given
  browser.loseNextAnswer = false
  throw new LatchkeyError('OFFLINE', 'the answer was lost')
}

interface Carrier {
  readonly withProof: AccountProvider['withProof']
  /** The principal that the request proves, if it carries a proof. */
  proven(): Promise<string | null>
}

function createCarrier({ verifier, used }: Server): Carrier {
  let mint: (() => Promise<string>) | null = null
  let sent = false
  return {
    async withProof(minter, run) {
      ;[mint, sent] = [minter, false]
      try {
        return { result: await run(), sent }
      } finally {
        mint = null
      }
    },
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
  if ([...accounts.values()].some((other) => other.principal === principal)) return { error: new LatchkeyError('PRINCIPAL_TAKEN') }
  const accountId = `account-${accounts.size + 1}`
  accounts.set(name, { accountId, principal: principal ?? accountId, aliases: [], recoverable: false, claims: {} })
  browser.session = name
  return { data: { accountId } }
}

function signIn({ accounts }: Server, browser: Browser, name: string): unknown {
  if (!accounts.has(name)) return { error: { message: 'unknown' } }
  browser.session = name
  return { data: {} }
}

function readSession({ accounts }: Server, name: string | null): AccountSession | null {
  const account = accounts.get(name ?? '')
  if (!account) return null
  const { accountId, principal, aliases, recoverable } = account
  return { accountId, principal, aliases, recoverable }
}

function issue({ accounts }: Server, name: string | null, clock: () => number): string | null {
  const account = accounts.get(name ?? '')
  if (!account) return null
  const iat = Math.floor(clock() / 1000)
  const payload = { iss: AUDIENCE, sub: account.principal, iat, exp: iat + 900, auth_mode: 'external', ...account.claims }
  // Unsigned: nothing here verifies it, and no server should take it.
  return ['{"alg":"none"}', JSON.stringify(payload), ''].map((part) => encodeBase64url(new TextEncoder().encode(part))).join('.')
}

function readFailure(outcome: unknown): LatchkeyError | null {
  if (isLatchkeyError(outcome)) return outcome
  const { error } = (outcome ?? {}) as { error?: unknown }
  if (!error) return null
  return isLatchkeyError(error) ? error : new LatchkeyError('PROVIDER_REFUSED', undefined, error)
}
