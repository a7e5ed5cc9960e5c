import { once } from 'node:events'
import { type AddressInfo, Server, type Socket } from 'node:net'
import { type ClientSchema, Schema as S, TriplitClient, and, or } from '@triplit/client'
import { BTreeKVStore } from '@triplit/client/storage/memory-btree'
import { createServer, createTriplitStorageProvider } from '@triplit/server'
import { SignJWT, type JWTPayload, decodeJwt, exportJWK, exportSPKI, generateKeyPair } from 'jose'
import { expect, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type AccountProvider,
  type Auth,
  type AuthOptions,
  type RecordStore,
  createAuth,
  memoryStore,
} from '../../lib/index.ts'
import { createPrincipalsTag } from '../../lib/server-kit.ts'
import type { ConnectedSession, SessionErrorKind, SessionStatus } from '../../lib/session.ts'
import { type MemoryAccountClient, type MemoryAccountServer, memoryAccountServer } from '../../lib/testing.ts'
import { type RejectedWrites, type TriplitOptions, connectTriplit } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

// Node 20 has no global WebSocket.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket

export const SYNC = 'https://sync.notes.example'
const ADMIN_SECRET = 'the secret of the Triplit server itself, for its own tokens'

/** Own rows, and those of adopted principals. The server checks the role but no audience. */
const own = [
  or([
    ['owner', '=', '$role.principal'],
    ['owner', 'in', '$role.aliases'],
  ]),
  and([['owner', '!=', '$role.tag']]),
]

/** The server checks no audience: the role does. */
export const roles = {
  person: { match: { aud: SYNC, sub: '$principal', aliases: '$aliases', principals_tag: '$tag' } },
  editor: { match: { aud: SYNC, role: 'editor' } },
  member: { match: { aud: SYNC, team: { id: '$team' } } },
}

export const collections = S.Collections({
  notes: {
    schema: S.Schema({ id: S.Id(), owner: S.String(), text: S.String() }),
    permissions: {
      person: {
        read: { filter: own },
        insert: { filter: own },
        update: { filter: own },
        postUpdate: { filter: own },
        delete: { filter: own },
      },
    },
  },
}) satisfies ClientSchema

/** Signs tokens that a Triplit server accepts. */
export interface TestIssuer {
  /** For `externalJwtSecret`. */
  readonly pem: string
  /** The public key as a JWK in JSON. */
  readonly jwk: string
  sign(claims: JWTPayload): Promise<string>
}

export async function testIssuer(algorithm = 'RS256'): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return {
    pem: await exportSPKI(publicKey),
    jwk: JSON.stringify(await exportJWK(publicKey)),
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg: algorithm }).sign(privateKey),
  }
}

/** A real Triplit server on a free port of the loopback interface. */
export interface TestTriplit {
  readonly url: string
  /** False: sockets break, and no new one opens. */
  online: boolean
  /** Method and path of every request. */
  readonly requests: string[]
  /** Returns the number of open WebSockets. */
  connections(): number
  /** Returns all notes, of all owners. */
  rows(): Promise<{ id: string; owner: string; text: string }[]>
  close(): Promise<void>
}

export async function startTriplit(externalJwtSecret: string): Promise<TestTriplit> {
  const start = await createServer({
    storage: await createTriplitStorageProvider('memory'),
    dbOptions: { schema: { collections, roles } },
    jwtSecret: ADMIN_SECRET,
    externalJwtSecret,
    logHandler: { log: () => {}, startSpan: () => null, endSpan: () => {}, recordMetric: () => {} },
  })
  const server = await onLoopback(() => void start(0))
  const sockets = new Set<Socket>()
  const webSockets = new Set<Socket>()
  const requests: string[] = []
  let isOnline = true
  server.on('connection', (socket: Socket) => {
    if (!isOnline) return void socket.destroy()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  for (const event of ['request', 'upgrade'])
    server.prependListener(
      event,
      ({ method, url }: { method: string; url: string }) => void requests.push(`${method} ${url.split('?')[0]!}`),
    )
  server.prependListener('upgrade', (_: unknown, socket: Socket) => {
    webSockets.add(socket)
    socket.on('close', () => webSockets.delete(socket))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const cut = (): void => sockets.forEach((socket) => socket.destroy())
  return {
    url,
    requests,
    connections: () => webSockets.size,
    get online() {
      return isOnline
    },
    set online(online) {
      isOnline = online
      if (!online) cut()
    },
    rows: () => fetchAll(url),
    close: () => new Promise((resolve) => (cut(), server.close(() => resolve()))),
  }
}

/** A server that opens each socket and never sends a message. */
export interface SilentServer {
  readonly url: string
  /** Returns how many sockets it has opened so far. */
  opened(): number
  close(): Promise<void>
}

export async function startSilent(): Promise<SilentServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  let opened = 0
  server.on('connection', () => opened++)
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: () => opened,
    close() {
      for (const socket of server.clients) socket.terminate()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

/** The server accepts a port but no address. */
async function onLoopback(start: () => void): Promise<Server> {
  const { listen } = Server.prototype
  const found = await new Promise<Server>((resolve) => {
    Server.prototype.listen = function (this: Server, ...given: unknown[]) {
      Server.prototype.listen = listen
      return (listen as (...all: unknown[]) => Server).call(this, 0, '127.0.0.1', () => {
        const done = given.at(-1)
        if (typeof done === 'function') done()
        resolve(this)
      })
    } as Server['listen']
    start()
  })
  return found
}

/** In the order of their text: the server's own order is that of random ids. */
async function fetchAll(url: string): Promise<{ id: string; owner: string; text: string }[]> {
  const token = await new SignJWT({ 'x-triplit-token-type': 'secret' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(ADMIN_SECRET))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(`${url}/fetch`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query: { collectionName: 'notes' } }),
  })
  const rows = (await response.json()) as { id: string; owner: string; text: string }[]
  return rows.sort((one, other) => (one.text < other.text ? -1 : 1))
}

/** A database that several clients may open, as tabs do. */
interface IndexedDb {
  readonly type: 'indexeddb'
  readonly name: string
}

export type TestClient = ReturnType<typeof testClient>

/** Creates a client as an app does. The storage survives a reload. */
export function testClient(serverUrl?: string, storage: BTreeKVStore | IndexedDb = new BTreeKVStore()) {
  return new TriplitClient({
    schema: collections,
    roles,
    ...(serverUrl !== undefined && { serverUrl }),
    storage,
    autoConnect: false,
    logLevel: 'error',
  })
}

/** A device: its identity, an account server whose tokens the Triplit server accepts, and a client. */
export interface TestDevice {
  readonly auth: Auth
  readonly account: MemoryAccountClient
  readonly client: TestClient
  readonly session: ConnectedSession
  readonly kinds: SessionErrorKind[]
  readonly faults: unknown[]
  /** The writes refused by the server, one entry per refusal. */
  readonly rejected: RejectedWrites[]
  /** Returns the device's principal. */
  principal(): string
  write(text: string, owner?: string): Promise<unknown>
  /** Keeps all of this user's notes in sync. */
  watch(): void
  /** Returns the texts of the local notes. */
  notes(): Promise<string[]>
  /** Returns the same device after a reload. */
  reload(options?: Partial<TriplitOptions>): Promise<TestDevice>
}

/** The surroundings of a device. */
export interface TestWorld {
  issuer: TestIssuer
  readonly triplit: TestTriplit
  readonly accounts: MemoryAccountServer
  /** Changes the claims of tokens from now on. */
  claims: (payload: JWTPayload) => JWTPayload
  device(options?: Partial<TriplitOptions>, wiring?: Wiring): Promise<TestDevice>
  /** Ends all sessions. */
  close(): Promise<void>
}

/** State that survives a reload. */
interface Wiring {
  readonly keystore?: RecordStore
  readonly storage?: BTreeKVStore
  readonly account?: MemoryAccountClient
  readonly auth?: AuthOptions
}

export function testWorld(issuer: TestIssuer, triplit: TestTriplit): TestWorld {
  const accounts = memoryAccountServer()
  const devices: TestDevice[] = []
  const world: TestWorld = {
    issuer,
    triplit,
    accounts,
    claims: (payload) => payload,
    async device(options, wiring) {
      const device = await openDevice(world, options, wiring)
      devices.push(device)
      return device
    },
    async close() {
      await Promise.all(devices.map(({ session }) => session.end()))
      await until(() => expect(devices.map(({ client }) => client.connectionStatus)).not.toContain('OPEN'))
    },
  }
  return world
}

async function openDevice(
  world: TestWorld,
  options: Partial<TriplitOptions> = {},
  wiring: Wiring = {},
): Promise<TestDevice> {
  const { keystore = memoryStore(), storage = new BTreeKVStore(), account = world.accounts.connect() } = wiring
  const provider = withSignedTokens(account.provider, world)
  const auth = createAuth({
    account: provider,
    keystore,
    audience: 'https://notes.example',
    audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } },
    harden: 'never',
    ...wiring.auth,
  })
  const client = testClient(world.triplit.url, storage)
  const [kinds, faults, rejected]: [SessionErrorKind[], unknown[], RejectedWrites[]] = [[], [], []]
  const session = connectTriplit(auth, client, {
    audience: SYNC,
    onFault: (error) => void faults.push(error),
    onWritesRejected: (refused) => void rejected.push(refused),
    ...options,
    onSessionError(kind, connected) {
      kinds.push(kind)
      return options.onSessionError?.(kind, connected)
    },
  })
  await session.ready
  const principal = (): string => auth.getState().session!.principal
  return {
    auth,
    account,
    client,
    session,
    kinds,
    faults,
    rejected,
    principal,
    write: (text, owner = principal()) => client.insert('notes', { text, owner }),
    watch: () => void client.subscribeBackground({ collectionName: 'notes' }),
    notes: async () =>
      (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text).sort(),
    async reload(next = options) {
      await session.end()
      return world.device(next, { ...wiring, keystore, storage, account })
    },
  }
}

const tag = createPrincipalsTag('the secret of the account server')

/** The account server in memory does not sign tokens. */
function withSignedTokens(provider: AccountProvider, world: TestWorld): AccountProvider {
  return {
    ...provider,
    async exchange(audience, prove) {
      const token = await provider.exchange!(audience, prove)
      const claims = token ? decodeJwt(token) : {}
      const owner = [...world.accounts.accounts.values()].find(({ principal }) => principal === claims.sub)
      const aliases = owner?.aliases ?? []
      const more = { jti: crypto.randomUUID(), aliases, principals_tag: await tag(claims.sub!, aliases) }
      return token && world.issuer.sign(world.claims({ ...claims, ...more }))
    },
  }
}

/** Waits until a session has this status. */
export function settle(session: ConnectedSession, status: SessionStatus): Promise<unknown> {
  return vi.waitFor(() => expect(session.getState().status).toBe(status), { timeout: 30_000, interval: 5 })
}

/** Waits for a condition. */
export function until(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 30_000, interval: 10 })
}
