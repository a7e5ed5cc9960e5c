import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type Socket, connect } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { LatchkeyError, backendHeaders, createSessionResolver, toResponse } from '../../lib/server.ts'
import { ALICES_TOKEN, type Answer, type FrameworkServer, deferred, serve } from '../../lib/server/framework.testing.ts'
import { type TestTime, testTime } from '../../lib/session/session.testing.ts'
import { ALICE, APP, BOB, NOW, TOKEN_HEADER, forge, tokenClaims } from '../../lib/tokens/forge.testing.ts'
import { type UpgradeOptions, createUpgradeHandler, socketSessionOf } from './index.ts'

const ORIGIN = 'https://notes.example'
const BACKEND = 'YSBiYWNrZW5kIHRoYXQgc3BlYWtzIGZvciBhbnlib2R5'
const BEARER = { authorization: `Bearer ${ALICES_TOKEN}` }
let time: TestTime
let server: FrameworkServer
let sockets: WebSocketServer
let lookup: (principal: string) => unknown
let errors: unknown[]
let raw: Socket[]

beforeEach(() => {
  time = testTime(NOW * 1000)
  lookup = () => {}
  errors = []
})
afterEach(async () => {
  for (const socket of sockets.clients) socket.terminate()
  for (const socket of raw) socket.destroy()
  await server.close()
})

/** Says who everybody is; `token …` brings a fresh one. */
async function start(options: UpgradeOptions = {}): Promise<string> {
  const resolver = createSessionResolver({
    clock: time.clock,
    backend: { secret: BACKEND },
    localFirst: { audience: APP, lookup: async (principal) => (await lookup(principal), 'active') },
    cookieSession: { origins: [ORIGIN], read: async () => ({ principal: 'cookie-owner' }) },
  })
  sockets = new WebSocketServer({ noServer: true })
  sockets.on('connection', (socket) => {
    const session = socketSessionOf(socket)
    socket.on('message', async (data) => {
      const [, token] = /^token (.*)$/.exec(String(data)) ?? []
      socket.send(token === undefined ? `${session.current.principal}` : await session.refresh(token))
    })
  })
  const started = await serve()
  server = started
  raw = []
  started.server.on('connection', (socket) => void raw.push(socket))
  started.server.on(
    'upgrade',
    createUpgradeHandler(sockets, resolver, {
      clock: time.clock,
      timer: time.timer,
      onError: (error) => void errors.push(error),
      ...options,
    }),
  )
  return server.url.replace('http', 'ws')
}

async function open(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers })
  await once(socket, 'open')
  return socket
}

/** The answer to an upgrade that was refused. */
async function refusalOf(url: string, headers: Record<string, string | string[]> = {}): Promise<Answer> {
  const socket = new WebSocket(url, { headers: headers as Record<string, string> })
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  return {
    status: response.statusCode!,
    headers: response.headers,
    body: Buffer.concat(await response.toArray()).toString(),
  }
}

/** A client that sends any bytes, and its socket on the server. */
async function openRaw(url: string): Promise<[client: Socket, socket: WebSocket]> {
  const { hostname, port } = new URL(url)
  const client = connect(Number(port), hostname)
  client.write(
    `GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`,
  )
  client.write(`Authorization: ${BEARER.authorization}\r\n\r\n`)
  const [socket] = (await once(sockets, 'connection')) as [WebSocket]
  return [client, socket]
}

async function say(socket: WebSocket, text: string): Promise<string> {
  const answered = Promise.race([once(socket, 'message'), once(socket, 'close')])
  socket.send(text)
  return String((await answered)[0])
}

async function closing(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  return [code, String(reason)]
}

function fresh(forger = ALICE, claims: object = {}): string {
  const now = time.clock() / 1000
  return forge(
    { header: TOKEN_HEADER, claims: { ...tokenClaims(forger), iat: now, exp: now + 900, ...claims } },
    forger,
  )
}

test('an upgrade with a credential is a socket of its principal', async () => {
  expect(await say(await open(await start(), BEARER), 'who')).toBe(ALICE.principal)
})

test.each<[string, Record<string, string | string[]>, ConstructorParameters<typeof LatchkeyError>[0]]>([
  ['without a credential', {}, 'CREDENTIAL_MISSING'],
  ['with a broken one', { authorization: 'Bearer x' }, 'TOKEN_MALFORMED'],
  ['with two', { authorization: [BEARER.authorization, BEARER.authorization] }, 'CREDENTIAL_MALFORMED'],
  ['with a cookie from another site', { cookie: 'a=b', origin: 'https://evil.example' }, 'COOKIE_ORIGIN_REFUSED'],
  ['with a cookie from nowhere', { cookie: 'a=b' }, 'COOKIE_ORIGIN_REFUSED'],
])('an upgrade %s is refused before it is one', async (_, headers, code) => {
  const connected = vi.fn<(socket: WebSocket) => void>()
  const url = await start()
  sockets.on('connection', connected)
  const answer = await refusalOf(url, headers)
  const expected = toResponse(new LatchkeyError(code))
  expect([answer.status, answer.body, answer.headers['www-authenticate'] ?? null]).toEqual([
    expected.status,
    await expected.text(),
    expected.headers.get('www-authenticate'),
  ])
  expect(answer.headers['connection']).toBe('close')
  expect(JSON.stringify(answer)).not.toContain(code)
  expect(connected).not.toHaveBeenCalled()
})

test('a cookie counts where the Origin is the own one', async () => {
  expect(await say(await open(await start(), { cookie: 'a=b', origin: ORIGIN }), 'who')).toBe('cookie-owner')
})

test("a socket that a cookie opened takes the page's first token, with another principal and other roles", async () => {
  const url = await start({ roles: { writer: { match: { aud: APP } } } })
  const socket = await open(url, { cookie: 'a=b', origin: ORIGIN })
  expect(await say(socket, `token ${fresh()}`)).toBe('accepted')
  expect(await say(socket, 'who')).toBe(ALICE.principal)
  await time.advance(60_000)
  expect(await say(socket, `token ${fresh()}`)).toBe('accepted')
})

test('after the first token, a token of another principal closes a socket that a cookie opened', async () => {
  const socket = await open(await start(), { cookie: 'a=b', origin: ORIGIN })
  expect(await say(socket, `token ${fresh()}`)).toBe('accepted')
  expect(await say(socket, `token ${fresh(BOB)}`)).toBe('4401')
})

test('the connection of a refused upgrade is closed though the client keeps its half open', async () => {
  const { hostname, port } = new URL(await start())
  const client = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  client.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  client.resume()
  await once(client, 'end')
  await vi.waitFor(() => expect(raw.map(({ destroyed }) => destroyed)).toEqual([true]), { timeout: 30_000 })
  client.destroy()
})

test('a fault of the server is answered with 500, and nothing about it', async () => {
  lookup = () => Promise.reject(new Error('a-secret'))
  expect(await refusalOf(await start(), BEARER)).toMatchObject({ status: 500, body: '{"error":"internal"}' })
  expect(errors).toEqual([new Error('a-secret')])
})

test('a client that is gone before the verdict breaks nothing', async () => {
  const asked = deferred()
  const release = deferred()
  lookup = () => (asked.resolve(), release.promise)
  const url = await start()
  const leaving = new WebSocket(url, { headers: BEARER })
  const left = new Promise((resolve) => void leaving.on('error', resolve))
  await asked.promise
  raw[0]!.destroy(new Error('reset'))
  await left
  release.resolve()
  expect(await say(await open(url, BEARER), 'who')).toBe(ALICE.principal)
  expect([sockets.clients.size, errors]).toEqual([1, []])
})

test('the end of the token closes the socket with 4401 and the reason', async () => {
  const socket = await open(await start(), BEARER)
  const closed = closing(socket)
  await time.advance(15 * 60_000)
  expect(await closed).toEqual([4401, 'expired'])
})

test('a client that keeps sending after that is anonymous', async () => {
  const [client, socket] = await openRaw(await start())
  await time.advance(15 * 60_000)
  const heard = once(socket, 'message')
  // One text frame, masked with zeros, from a client that does not care for the close frame.
  client.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
  expect(String((await heard)[0])).toBe('hi')
  expect(socketSessionOf(socket).current).toMatchObject({ authMode: 'anonymous', principal: null })
  client.destroy()
})

test('a frame that breaks the protocol closes its own socket, and ends nothing else', async () => {
  const [client, socket] = await openRaw(await start())
  expect(socket.listenerCount('error')).toBe(1)
  // `once` of Node would listen to errors too.
  const closed = new Promise((resolve) => void socket.once('close', resolve))
  // The reserved bits are set.
  client.resume().write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]))
  expect(await closed).toBe(1006)
})

test('a fresh token continues on the open socket', async () => {
  const socket = await open(await start(), BEARER)
  await time.advance(14 * 60_000)
  expect(await say(socket, `token ${fresh()}`)).toBe('accepted')
  await time.advance(14 * 60_000)
  expect(await say(socket, 'who')).toBe(ALICE.principal)
})

test('a token of another principal closes it', async () => {
  const socket = await open(await start(), BEARER)
  const closed = closing(socket)
  socket.send(`token ${fresh(BOB)}`)
  expect(await closed).toEqual([4401, 'invalid'])
})

test('a socket that a backend opened for a user keeps that session, whatever token arrives (checklist 12: backend-scoped sessions ignore token updates)', async () => {
  const socket = await open(await start(), backendHeaders(BACKEND, { principal: 'somebody' }))
  expect(await say(socket, `token ${fresh(BOB)}`)).toBe('ignored')
  expect(await say(socket, 'who')).toBe('somebody')
})

test('an anonymous socket can bring its token in a message (checklist 2: it can subscribe)', async () => {
  const socket = await open(await start({ optional: true }))
  expect(await say(socket, 'who')).toBe('null')
  expect(await say(socket, `token ${fresh()}`)).toBe('accepted')
  expect(await say(socket, 'who')).toBe(ALICE.principal)
})

test('two sockets are kept apart', async () => {
  const url = await start()
  const alice = await open(url, BEARER)
  const bob = await open(url, { authorization: `Bearer ${fresh(BOB)}` })
  expect(await Promise.all([say(alice, 'who'), say(bob, 'who')])).toEqual([ALICE.principal, BOB.principal])
})

test('nothing waits for a socket that is closed', async () => {
  const socket = await open(await start(), BEARER)
  expect(time.waiting()).toBe(1)
  socket.close()
  await closing(socket)
  await vi.waitFor(() => expect(time.waiting()).toBe(0), { timeout: 30_000 })
})

test('a socket that came another way has no session', () => {
  expect(() => socketSessionOf({} as WebSocket)).toThrow(TypeError)
})

test.each([{ optional: 'true' }, { longest: 0 }, { longst: 60_000 }])('is not made with %o', async (options) => {
  await expect(start(options as never)).rejects.toThrow(TypeError)
})
