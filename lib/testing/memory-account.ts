import type { AccountProvider, AccountSession } from '../client/account.ts'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/base64url.ts'
import { type ProofVerifier, createProofVerifier } from '../tokens/verify.ts'

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

/** One browser's connection to the account server. */
export interface MemoryAccountClient {
  /** For `createAuth({ account })`. */
  readonly provider: AccountProvider
  /** Makes an account and signs in to it. Call it inside `upgrade`. */
  signUp(name: string): Promise<unknown>
  /** Signs in. Call it inside `upgrade`. */
  signIn(name: string): Promise<unknown>
  /** Ends or plants a session behind the client's back. */
  setSession(name: string | null): void
  /** False: nothing reaches the server. */
  online: boolean
  /** True: the next call reaches the server, but its answer is lost. */
  loseNextAnswer: boolean
  /** Names of the calls that reached the server. */
  readonly calls: readonly string[]
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
    connect: () => connect(server, clock),
  }
  return server
}

function connect(server: Server, clock: () => number): MemoryAccountClient {
  let session: string | null = null
  let mint: (() => Promise<string>) | null = null
  let sent = false
  const calls: string[] = []

  async function call<Answer>(name: string, answer: () => Answer | Promise<Answer>): Promise<Answer> {
    if (!client.online) throw new LatchkeyError('OFFLINE')
    calls.push(name)
    const given = await answer()
    if (!client.loseNextAnswer) return given
    client.loseNextAnswer = false
    throw new LatchkeyError('OFFLINE', 'the answer was lost')
  }

  /** The principal that the request proves, if it carries a proof. */
  async function proven(): Promise<string | null> {
    sent = true
    if (!mint) return null
    const { principal, claims } = await server.verifier.verify(await mint(), { purpose: 'upgrade' })
    if (server.used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
    server.used.add(claims.jti)
    return principal
  }

  const client: MemoryAccountClient = {
    online: true,
    loseNextAnswer: false,
    calls,
    setSession: (name) => void (session = name),
    signUp: (name) =>
      call('signUp', async () => {
        const principal = await proven()
        if (server.accounts.has(name)) return { error: { message: 'exists' } }
        if ([...server.accounts.values()].some((other) => other.principal === principal)) return { error: new LatchkeyError('PRINCIPAL_TAKEN') }
        const accountId = `account-${server.accounts.size + 1}`
        server.accounts.set(name, { accountId, principal: principal ?? accountId, aliases: [], recoverable: false, claims: {} })
        session = name
        return { data: { accountId } }
      }),
    signIn: (name) =>
      call('signIn', async () => {
        await proven()
        if (!server.accounts.has(name)) return { error: { message: 'unknown' } }
        session = name
        return { data: {} }
      }),
    provider: {
      audience: AUDIENCE,
      getSession: () => call('getSession', () => readSession(server, session)),
      getToken: () => call('getToken', () => issue(server, session, clock)),
      async withProof(minter, run) {
        ;[mint, sent] = [minter, false]
        try {
          return { result: await run(), sent }
        } finally {
          mint = null
        }
      },
      readFailure,
      getTime: () => call('getTime', clock),
      signOut: () => call('signOut', () => void (session = null)),
    },
  }
  return client
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
