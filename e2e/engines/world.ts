// What the engines share: an account server, browsers, and the words of a run.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWTPayload, SignJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose'
import { type AccountProvider, type Auth, type RecordStore, createAuth, memoryStore } from 'latchkey'
import { LatchkeyError, type SessionResolver, createSessionResolver, toResponse } from 'latchkey/server'
import type { ConnectedSession } from 'latchkey/session'
import { type MemoryAccountClient, memoryAccountServer } from 'latchkey/testing'

export const AUDIENCE = 'https://notes.example'
/** The text of a note that the rules of each server refuse, whoever owns it. */
export const REFUSED = 'refused by the rules'
const ISSUER = 'https://accounts.example'

export interface Row {
  readonly owner: string
  readonly text: string
}

/** The sync server of an engine. */
export interface Backend {
  readonly url: string
  /** False: connections break, and no new one is made. */
  online: boolean
  /** Everything that has arrived. */
  rows(): Promise<readonly Row[]>
  /** Number of rows that were refused because they belong to another user; undefined if it is not counted. */
  readonly refused?: number
  /** What `onLink` of the account server does: the rows of `from` belong to `to`. */
  reown(from: string, to: string): Promise<void>
  close(): Promise<void>
}

/** The notes of one tab. */
export interface Notes {
  readonly session: ConnectedSession
  write(text: string): Promise<unknown>
  /** The texts that the person in front of it sees. */
  texts(): Promise<readonly string[]> | readonly string[]
  close(): Promise<unknown>
}

/** What a run needs of an engine. */
export interface Engine {
  /** By line, why it does not apply. */
  readonly notApplicable?: Readonly<Record<string, string>>
  start(world: World): Promise<Backend>
  open(auth: Auth, backend: Backend, browser: Browser): Promise<Notes>
}

/** One browser of one device: what survives a reload. */
export interface Browser {
  readonly id: string
  readonly keystore: RecordStore
  readonly account: MemoryAccountClient
  /** For engines that store text. */
  readonly storage: Map<string, string>
  /** Milliseconds that its clock is ahead. */
  readonly ahead: number
}

/** How the account server signs tokens for a sync server that cannot verify those of devices. */
export interface Exchange {
  readonly audience: string
  sign(claims: JWTPayload): Promise<string>
}

export interface World {
  readonly resolver: SessionResolver
  /** The servers' clock. */
  readonly clock: () => number
  /** The time passes everywhere, without timers. */
  jump(milliseconds: number): void
  /** True: the sync server refuses every token. */
  isRefusing: boolean
  /** Set by an engine whose server takes only tokens of an exchange. */
  exchange?: Exchange
  browser(ahead?: number): Browser
  tab(browser: Browser, url: string): Auth
}

/** Engines whose server has no option for its clock replace it. */
const systemTime = Date.now
let count = 0

export async function createWorld(): Promise<World> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA')
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'EdDSA', use: 'sig' }] }
  let passed = 0
  const clock = (): number => systemTime() + passed
  const accounts = memoryAccountServer(clock)
  const real = createSessionResolver({
    localFirst: {
      audience: AUDIENCE,
      // As a real account server: what was adopted signs in through its account only.
      lookup: async (principal) =>
        [...accounts.accounts.values()].some(({ aliases }) => aliases.includes(principal)) ? 'disabled' : 'active',
    },
    external: {
      issuer: ISSUER,
      jwksUrl: `${ISSUER}/jwks`,
      audience: AUDIENCE,
      aliases: true,
      fetch: async () => Response.json(keys),
    },
    clock,
  })
  /** The account server in memory signs no tokens. */
  const signing = ({ provider }: MemoryAccountClient): AccountProvider => ({
    ...provider,
    async getToken() {
      const found = await provider.getSession()
      if (!found) return null
      const iat = Math.floor(clock() / 1000)
      const aliases = [...accounts.accounts.values()].find(({ principal }) => principal === found.principal)!.aliases
      return new SignJWT({ aliases, auth_mode: 'external', jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(found.principal)
        .setIssuedAt(iat)
        .setExpirationTime(iat + 900)
        .sign(privateKey)
    },
    async exchange(audience, prove) {
      const token = await provider.exchange!(audience, prove)
      return token && world.exchange!.sign(decodeJwt(token))
    },
  })
  const world: World = {
    clock,
    jump: (milliseconds) => void (passed += milliseconds),
    isRefusing: false,
    resolver: {
      ...real,
      async resolve(request) {
        const found = await real.resolve(request)
        if (!world.isRefusing) return found
        const response = (): Response => toResponse(new LatchkeyError('TOKEN_EXPIRED'))
        return { ok: false, error: 'expired', reason: 'TOKEN_EXPIRED', source: 'none', response }
      },
    },
    browser: (ahead = 0) => ({
      id: `browser${++count}`,
      keystore: memoryStore(),
      account: accounts.connect(),
      storage: new Map(),
      ahead,
    }),
    tab: ({ keystore, account, ahead }, url) =>
      createAuth({
        account: signing(account),
        keystore,
        audience: AUDIENCE,
        audiences: {
          [new URL(url).origin]: world.exchange ? { audience: world.exchange.audience, via: 'exchange' } : AUDIENCE,
        },
        harden: 'never',
        clock: () => clock() + ahead,
      }),
  }
  return world
}

/** Seconds until a line counts as failed: a guard against hanging, not a limit on speed. */
const WAIT_S = Number(process.env['LATCHKEY_WAIT_S'] ?? 120)

/** Waits for a condition, which may fail until then. */
export async function until(what: string, check: () => unknown, seconds = WAIT_S): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const isMet = await Promise.resolve(check()).catch(() => false)
    if (isMet) return
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** A server on the loopback interface that can be taken off the network. */
export async function serve(answer: (request: Request) => Promise<Response>): Promise<{
  readonly url: string
  online: boolean
  close(): Promise<void>
}> {
  let isOnline = true
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of incoming) parts.push(part as Buffer)
      const response = await answer(
        new Request(`http://127.0.0.1${incoming.url}`, {
          method: incoming.method!,
          headers: incoming.headers as Record<string, string>,
          ...(incoming.method === 'POST' && { body: Buffer.concat(parts) }),
        }),
      )
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      outgoing.end(Buffer.from(await response.arrayBuffer()))
    })().catch((error: unknown) => {
      console.error(error)
      outgoing.writeHead(500).end()
    })
  })
  server.on('connection', (socket) => void (isOnline || socket.destroy()))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get online() {
      return isOnline
    },
    set online(online) {
      isOnline = online
      if (!online) server.closeAllConnections()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
