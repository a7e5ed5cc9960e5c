import type { Socket } from 'node:net'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { Server } from '@hocuspocus/server'
import { expect, vi } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { type AccountProvider, type Auth, createAuth, memoryStore } from '../../lib/index.ts'
import { type ServerSession, type SessionResolver, createSessionResolver } from '../../lib/server.ts'
import type { TestIssuer } from '../../lib/server/external/issuer.testing.ts'
import { type TestTime, testTime } from '../../lib/session/session.testing.ts'
import type { ConnectedSession, SessionErrorKind, SessionStatus } from '../../lib/session.ts'
import { type MemoryAccountClient, type MemoryAccountServer, memoryAccountServer } from '../../lib/testing.ts'
import { type HocuspocusOptions, connectHocuspocus } from './index.ts'
import { type HocuspocusAuthOptions, hocuspocusAuth } from './server.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

// Node 20 has no global WebSocket.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket

export const AUDIENCE = 'https://notes.example'

/** A real Hocuspocus server on a free port of the loopback interface. */
export interface TestHocuspocus {
  readonly url: string
  /** The sessions of all changes, in order. */
  readonly writers: ServerSession[]
  /** Returns the text of a document, stored or open; null if there is none. */
  text(name: string): string | null
  /** Returns the names of the open documents, one for each connection. */
  open(): string[]
  /** Asks every connection for its token. */
  requestTokens(): void
  /** The tokens that came after the first one of a connection, in order. */
  readonly synced: string[]
  /** Closes every connection to a document. */
  closeDocuments(reason: string): void
  /** Number of sockets that were opened so far. */
  sockets(): number
  /** False: sockets break, and no new one opens. */
  online: boolean
  /** The sockets that are open now answer nothing any more, a close frame neither. */
  freeze(): void
  close(): Promise<void>
}

export async function startHocuspocus(
  resolver: SessionResolver,
  options: HocuspocusAuthOptions = {},
): Promise<TestHocuspocus> {
  const stored = new Map<string, Uint8Array>()
  const writers: ServerSession[] = []
  const synced: string[] = []
  const server = new Server({
    address: '127.0.0.1',
    port: 0,
    quiet: true,
    stopOnSignals: false,
    debounce: 0,
    extensions: [hocuspocusAuth(resolver, options)],
    onChange: async ({ context }) => void writers.push((context as { session: ServerSession }).session),
    onTokenSync: async ({ token }) => void synced.push(token),
    onStoreDocument: async ({ documentName, document }) =>
      void stored.set(documentName, Y.encodeStateAsUpdate(document)),
    onLoadDocument: async ({ documentName, document }) => {
      const found = stored.get(documentName)
      if (found) Y.applyUpdate(document, found)
    },
  })
  const raw = new Set<Socket>()
  let isOnline = true
  let count = 0
  server.httpServer.on('connection', (socket: Socket) => {
    if (!isOnline) return void socket.destroy()
    count++
    raw.add(socket)
    socket.on('close', () => raw.delete(socket))
  })
  await server.listen()
  const { documents } = server.hocuspocus
  const cut = (): void => raw.forEach((socket) => socket.destroy())
  const connections = () => [...documents.values()].flatMap((document) => document.getConnections())
  return {
    url: `ws://127.0.0.1:${server.address.port}`,
    writers,
    text(name) {
      const found = documents.get(name)
      if (found) return textOf(found)
      const bytes = stored.get(name)
      if (!bytes) return null
      const document = new Y.Doc()
      Y.applyUpdate(document, bytes)
      return textOf(document)
    },
    open: () => [...documents.values()].flatMap((document) => document.getConnections().map(() => document.name)),
    requestTokens: () => connections().forEach((connection) => connection.requestToken()),
    synced,
    closeDocuments: (reason) => connections().forEach((connection) => connection.close({ code: 4000, reason })),
    sockets: () => count,
    get online() {
      return isOnline
    },
    set online(online) {
      isOnline = online
      if (!online) cut()
    },
    freeze: () => raw.forEach((socket) => socket.pause()),
    async close() {
      cut()
      await server.destroy()
    },
  }
}

/** Returns the notes of a document. */
export function textOf(document: Y.Doc): string {
  return document.getText('notes').toString()
}

/** A person's device: its identity, an account server whose tokens the server accepts, and a document. */
export interface TestDevice {
  readonly auth: Auth
  readonly account: MemoryAccountClient
  readonly session: ConnectedSession
  readonly kinds: SessionErrorKind[]
  readonly faults: unknown[]
  /** The providers that were created, the newest last. */
  readonly providers: HocuspocusProvider[]
  document(): Y.Doc
  principal(): string
  write(text: string): void
  text(): string
}

/** The surroundings of a device. */
export interface TestWorld {
  readonly time: TestTime
  readonly accounts: MemoryAccountServer
  readonly hocuspocus: TestHocuspocus
  /** Answers in place of the resolver, if it is not null. */
  refusal: 'expired' | 'invalid' | 'disabled' | 'unavailable' | null
  device(options?: Partial<HocuspocusOptions<Y.Doc>>, wiring?: TestWiring): Promise<TestDevice>
  close(): Promise<void>
}

/** What a device starts with. */
export interface TestWiring {
  readonly document?: Y.Doc
  readonly auth?: Auth
  readonly account?: MemoryAccountClient
  readonly socket?: HocuspocusProviderWebsocket
}

export async function testWorld(issuer: TestIssuer, options: HocuspocusAuthOptions = {}): Promise<TestWorld> {
  // Real enough for a JWT of this moment.
  const time = testTime(Math.floor(Date.now() / 1000) * 1000)
  const resolver = createSessionResolver({
    localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
    external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: AUDIENCE, aliases: true },
    clock: time.clock,
  })
  const accounts = memoryAccountServer(time.clock)
  const devices: TestDevice[] = []
  const world: TestWorld = {
    time,
    accounts,
    refusal: null,
    hocuspocus: await startHocuspocus(
      {
        ...resolver,
        async resolve(request) {
          const found = await resolver.resolve(request)
          const error = world.refusal
          return error ? { ok: false, error, reason: 'TOKEN_EXPIRED', source: 'none', response: Response.error } : found
        },
      },
      { clock: time.clock, timer: time.timer, ...options },
    ),
    async device(given, wiring) {
      const device = await openDevice(world, issuer, given, wiring)
      devices.push(device)
      return device
    },
    async close() {
      await Promise.all(devices.map(({ session }) => session.end()))
      devices.forEach(({ auth }) => auth.close())
      await world.hocuspocus.close()
    },
  }
  return world
}

async function openDevice(
  world: TestWorld,
  issuer: TestIssuer,
  options: Partial<HocuspocusOptions<Y.Doc>> = {},
  wiring: TestWiring = {},
): Promise<TestDevice> {
  const { time, hocuspocus } = world
  const { account = world.accounts.connect(), socket } = wiring
  const auth =
    wiring.auth ??
    createAuth({
      account: withSignedTokens(account, world, issuer),
      keystore: memoryStore(),
      clock: time.clock,
      audience: AUDIENCE,
      harden: 'never',
    })
  let document = wiring.document ?? new Y.Doc()
  const [kinds, faults, providers]: [SessionErrorKind[], unknown[], HocuspocusProvider[]] = [[], [], []]
  const current = typeof options.document === 'function' ? options.document : (): Y.Doc => document
  const session = connectHocuspocus<Y.Doc>(auth, {
    document: current,
    name: 'notes',
    owner: 'memory',
    clear: () => void (document = new Y.Doc()),
    provider(input) {
      const provider = new HocuspocusProvider(
        socket ? { websocketProvider: socket, ...input } : { url: hocuspocus.url, ...input },
      )
      providers.push(provider)
      return provider
    },
    clock: time.clock,
    timer: time.timer,
    onFault: (error) => void faults.push(error),
    ...options,
    onSessionError: (kind) => void kinds.push(kind),
  })
  await session.ready
  return {
    auth,
    account,
    session,
    kinds,
    faults,
    providers,
    document: current,
    principal: () => auth.getState().session!.principal,
    write: (text) => void current().getText('notes').insert(0, text),
    text: () => textOf(current()),
  }
}

/** The account server in memory signs no tokens. */
function withSignedTokens(
  { provider }: MemoryAccountClient,
  { accounts, time }: TestWorld,
  issuer: TestIssuer,
): AccountProvider {
  return {
    ...provider,
    async getToken() {
      const found = await provider.getSession()
      if (!found) return null
      const { aliases, claims: own } = [...accounts.accounts.values()].find(
        ({ principal }) => principal === found.principal,
      )!
      const iat = Math.floor(time.clock() / 1000)
      const claims = { ...own, sub: found.principal, aliases, auth_mode: 'external', jti: crypto.randomUUID() }
      return issuer.sign({ ...claims, aud: AUDIENCE, iat, exp: iat + 900 })
    },
  }
}

/** Waits until a session has this status. */
export function settle({ session }: Pick<TestDevice, 'session'>, status: SessionStatus): Promise<unknown> {
  return until(() => expect(session.getState().status).toBe(status))
}

/** Waits for a condition. */
export function until(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 30_000, interval: 5 })
}
