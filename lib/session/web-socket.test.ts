import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AccountProvider } from '../client/shared/account-provider.ts'
import { createAuth } from '../index.ts'
import { memoryStore } from '../keystore/memory.ts'
import { createSessionResolver } from '../server.ts'
import { type TestIssuer, startIssuer } from '../server/external/issuer.testing.ts'
import { testDevice } from '../testing/device.ts'
import { type TransportRig, transportAcceptance } from '../testing/transport-acceptance.ts'
import { connectSession } from './connect-session.ts'
import type { ConnectedSession } from './connected-session.ts'
import type { SessionOptions } from './options.ts'
import { MINUTE, SECOND, testTime } from './session.testing.ts'
import { type SocketServer, startSocketServer, webSocketTransport } from './web-socket.testing.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../client/lazy.ts'

// A real server, real sockets, tokens that are really signed and verified; only the clock is not.

const AUDIENCE = 'https://notes.example'
let issuer: TestIssuer
let server: SocketServer
const open: (() => unknown)[] = []

beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function world(options: SessionOptions = {}, account?: Partial<AccountProvider>) {
  const time = testTime()
  const resolver = createSessionResolver({
    localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
    external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: AUDIENCE, aliases: true },
    clock: time.clock,
  })
  server = await startSocketServer(resolver, time.clock)
  open.push(server.close)
  const auth = createAuth({
    keystore: memoryStore(),
    clock: time.clock,
    audience: AUDIENCE,
    ...(account && { account: account as AccountProvider }),
  })
  open.push(auth.close)
  const transport = webSocketTransport(server.url)
  const kinds: string[] = []
  const session = connectSession(auth, transport, {
    clock: time.clock,
    timer: time.timer,
    onSessionError: (kind) => void kinds.push(kind),
    ...options,
  })
  open.push(() => session.end())
  await session.ready
  return { time, auth, transport, session, kinds }
}

function status(session: ConnectedSession, wanted: string): Promise<void> {
  return vi.waitFor(() => expect(session.getState().status).toBe(wanted), { timeout: 30_000, interval: 5 })
}

/** What an account server signs for a principal. */
function accountOf(sub: () => string | undefined, time: () => number): Partial<AccountProvider> {
  return {
    audience: 'https://auth.example',
    getSession: async () => {
      const principal = sub()
      return principal === undefined ? null : { accountId: 'ada', principal, aliases: [], recoverable: true }
    },
    getToken: () =>
      issuer.sign({
        sub: sub()!,
        auth_mode: 'external',
        iat: Math.floor(time() / 1000),
        exp: Math.floor(time() / 1000) + 300,
      }),
    withProof: async (mint, run) => (await mint?.(), { result: await run(), sent: true }),
    readFailure: () => null,
    signOut: async () => {},
  }
}

test("a device's own token opens a socket, and what is said there is said by its principal", async () => {
  const { auth, session, transport } = await world()
  await status(session, 'connected')
  transport.say('hello')
  await vi.waitFor(() => expect(server.said).toEqual([[auth.getState().session?.principal, 'hello']]), {
    timeout: 30_000,
  })
})

test('a token is replaced on the open socket before it ends', async () => {
  const { session, transport, time, kinds } = await world()
  await status(session, 'connected')
  const replaced = vi.spyOn(transport, 'update')
  await time.advance(14 * MINUTE)
  await vi.waitFor(() => expect(replaced.mock.results[0]?.type).toBe('return'), { timeout: 30_000 })
  await replaced.mock.results[0]!.value
  await time.advance(5 * MINUTE)
  server.expire()
  transport.say('still here')
  await vi.waitFor(() => expect(server.said).toHaveLength(1), { timeout: 30_000 })
  expect(session.getState().status).toBe('connected')
  expect(kinds).toEqual([])
})

test('a socket that is closed with 4401 expired comes back with a fresh token', async () => {
  const { session, time, auth, kinds } = await world()
  await status(session, 'connected')
  time.jump(16 * MINUTE)
  const errors: unknown[] = []
  auth.subscribe(() => errors.push(auth.getState().error))
  server.expire()
  await vi.waitFor(() => expect(errors).toEqual(['expired', undefined]), { timeout: 30_000 })
  await status(session, 'connected')
  expect(server.connected()).toContain(auth.getState().session?.principal)
  expect(kinds).toEqual([])
})

test('a token for another audience is refused, shown and reported', async () => {
  const { session, auth, kinds, time } = await world({ audience: 'https://other.example' })
  await vi.waitFor(() => expect(auth.getState().error).toBe('invalid'), { timeout: 30_000 })
  // The retry is set once a real token was signed and refused: time passes until then.
  const passed = async (): Promise<void> => {
    await time.advance(2 * SECOND)
    expect(kinds).toEqual(['UNAUTHORIZED'])
  }
  await vi.waitFor(passed, { timeout: 30_000 })
  expect(session.getState()).toMatchObject({ status: 'paused', error: 'invalid' })
})

test("an upgrade goes on over the same socket, with the account's token", async () => {
  let principal: string | undefined
  const clock = testTime().clock
  const { auth, session, transport } = await world(
    {},
    accountOf(() => principal, clock),
  )
  await status(session, 'connected')
  const replaced = vi.spyOn(transport, 'update')
  const connected = vi.spyOn(transport, 'connect')
  const signUp = () => {
    principal = auth.getState().session?.principal
    return { data: {} }
  }
  expect((await auth.upgrade(signUp)).outcome).toBe('upgraded')
  await vi.waitFor(() => expect(replaced).toHaveBeenCalled(), { timeout: 30_000 })
  await replaced.mock.results[0]!.value
  expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
  expect(connected).not.toHaveBeenCalled()
  expect(server.connected()).toEqual([principal])
  expect(session.getState()).toEqual({ status: 'connected', principal })
})

test('a badly signed update closes the socket; the token before opens it again', async () => {
  const { auth, session, kinds, time } = await world()
  await status(session, 'connected')
  const principal = auth.getState().session?.principal
  const iat = Math.floor(time.clock() / 1000)
  const forged = await issuer.sign({ sub: principal!, iat, exp: iat + 300 }, { alg: 'RS256' }, await startForeignKey())
  await expect(session.update(forged)).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
  await status(session, 'connected')
  expect(kinds).toEqual([])
  expect(server.connected()).toContain(principal)
})

test('a network that breaks is no verdict: the socket is opened again', async () => {
  const { auth, session, time, kinds } = await world()
  await status(session, 'connected')
  server.cut()
  await status(session, 'connecting')
  expect(auth.getState().error).toBeUndefined()
  await time.advance(2 * SECOND)
  await status(session, 'connected')
  expect(kinds).toEqual([])
})

test('a sign-out closes the socket at once', async () => {
  const { auth, session } = await world()
  await status(session, 'connected')
  await auth.signOut()
  expect(session.getState()).toEqual({ status: 'waiting', principal: null })
  await vi.waitFor(() => expect(server.connected()).toEqual([]), { timeout: 30_000 })
})

test('end closes the socket for good', async () => {
  const { session, time } = await world()
  await status(session, 'connected')
  await session.end()
  await vi.waitFor(() => expect(server.connected()).toEqual([]), { timeout: 30_000 })
  expect(time.waiting()).toBe(0)
})

async function startForeignKey(): Promise<CryptoKey> {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )
  return privateKey
}

async function openRig(): Promise<TransportRig> {
  const resolver = createSessionResolver({ localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } })
  const sockets = await startSocketServer(resolver, Date.now)
  const device = await testDevice()
  // Another `iat` makes another token.
  let now = Math.floor(Date.now() / 1000)
  const token = (): Promise<string> => device.token({ audience: AUDIENCE, now: now-- })
  return {
    transport: webSocketTransport(sockets.url),
    principal: device.principal,
    token,
    async refusedToken() {
      const [[header, payload], [, , signature]] = [(await token()).split('.'), (await token()).split('.')]
      return `${header}.${payload}.${signature}`
    },
    connections: () => sockets.connected().length,
    cut: sockets.cut,
    close: sockets.close,
  }
}

describe('the contract of a session transport', () => {
  test.each(transportAcceptance(openRig))('$name', ({ run }) => run())
})
