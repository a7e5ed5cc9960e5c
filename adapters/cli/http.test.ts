import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { closeServer, createLimitedServer, createListener } from './http.ts'
import { createLog } from './log.ts'
import { createAddressOf } from './request-address.ts'

const ended: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end()
})

/** Longer than any test: a test itself says from when on a request is late. */
const ARRIVAL_MS = 300_000

interface Listening {
  readonly port: number
  readonly log: string[]
  readonly server: Server
  /** Lets `/slow` answer. */
  readonly proceed: () => void
}

async function listen(): Promise<Listening> {
  const log: string[] = []
  let proceed = (): void => {}
  const mayProceed = new Promise<void>((resolve) => (proceed = resolve))
  const routes = [
    {
      name: '/slow',
      pattern: /^\/slow$/,
      answer: async () => (await mayProceed, new Response('at last')),
    },
    {
      name: '/echo',
      pattern: /^\/echo$/,
      answer: async ({ request }: { request: Request }) => new Response(`heard ${(await request.text()).length}`),
    },
  ]
  const listener = createListener({
    routes,
    origin: 'http://localhost',
    trustedOrigins: ['https://app.example'],
    addressOf: createAddressOf(null),
    log: createLog((line) => log.push(line), [], Date.now),
  })
  const server = createLimitedServer(listener, { requestTimeout: ARRIVAL_MS, connectionsCheckingInterval: 20 })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  ended.push(() => (server.closeAllConnections(), server.close()))
  return { port: (server.address() as AddressInfo).port, log, server, proceed }
}

/** Sends the beginning of a request and no more. @returns all that was answered until the connection was closed */
function begin(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(text))
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (answer += chunk))
      .once('error', reject)
      .once('close', () => resolve(answer))
  })
}

describe('a request that does not arrive', () => {
  const heads = {
    'in its first line': 'POST /ec',
    'in its header': 'POST /echo HTTP/1.1\r\nHost: x\r\nX-',
    'in its body': 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly so much',
  }

  for (const [where, text] of Object.entries(heads)) {
    test(`and stops ${where} is answered 408, its connection is closed, and others are served meanwhile`, async () => {
      const { port, log, server } = await listen()
      const slow = begin(port, text)
      expect(await (await fetch(`http://127.0.0.1:${port}/echo`, { method: 'POST', body: 'whole' })).text()).toBe(
        'heard 5',
      )
      expect([server.headersTimeout, server.requestTimeout]).toEqual([ARRIVAL_MS, ARRIVAL_MS])
      server.headersTimeout = server.requestTimeout = 1
      expect(await slow).toMatch(/^HTTP\/1\.1 408 /)
      expect(log.join()).not.toContain('only so much')
    })
  }
})

/** One request as it is written here. @returns the whole answer */
const ask = (port: number, line: string): Promise<string> =>
  begin(port, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)

describe('a request', () => {
  for (const path of [
    '/x/../echo',
    '/./echo',
    '/x/%2e%2E/echo',
    '/x/.%2e/echo',
    '/x\\..\\echo',
    '\\echo',
    '/x/..\\echo',
  ])
    test(`to ${path} reaches no route: a proxy in front may have read another path`, async () => {
      const { port } = await listen()
      expect(await ask(port, `GET ${path}`)).toMatch(/^HTTP\/1\.1 400 /)
      expect(await ask(port, 'GET /echo?back=/../x')).toMatch(/^HTTP\/1\.1 200 /)
    })

  for (const method of ['TRACE', 'PROPFIND', 'SEARCH', 'PURGE'])
    test(`with the method ${method} is not answered as another method`, async () => {
      const { port } = await listen()
      expect(await ask(port, `${method} /echo`)).toMatch(/^HTTP\/1\.1 405 /)
    })

  test('with a path that is longer than any route is not answered: it would become the key of a rate limit', async () => {
    const { port } = await listen()
    expect(await ask(port, `GET /${'x'.repeat(1024)}`)).toMatch(/^HTTP\/1\.1 414 /)
    expect(await ask(port, `GET /${'x'.repeat(1023)}`)).toMatch(/^HTTP\/1\.1 404 /)
    expect(await ask(port, `GET /echo?${'x'.repeat(2000)}`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('of a trusted origin may read why it was refused, when to repeat it, and the time', async () => {
    const { port } = await listen()
    const exposed = async (origin: string): Promise<string | null> => {
      const answer = await fetch(`http://127.0.0.1:${port}/echo`, { headers: { origin } })
      return answer.headers.get('access-control-expose-headers')
    }
    expect(await exposed('https://app.example')).toBe('date, retry-after, www-authenticate, x-retry-after')
    expect(await exposed('https://evil.example')).toBeNull()
  })

  test('whose client leaves in mid-body is one line of the log, and no fault', async () => {
    const { port, log } = await listen()
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly so much', () =>
        socket.destroy(),
      ),
    )
    await vi.waitFor(() => expect(log).toHaveLength(1), { timeout: 30_000 })
    expect(JSON.parse(log[0]!)).toMatchObject({ level: 'info', event: 'request-aborted', method: 'POST' })
    expect(log[0]).not.toContain('stack')
  })
})

describe('the address of a client, for rate limits', () => {
  const addressOf = createAddressOf('x-forwarded-for')

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['192.0.2.1, 203.0.113.7:51234', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:51234', '2001:db8::7'],
    ['for=203.0.113.7;proto=https', '10.0.0.1'],
    ['203.0.113.7, unknown', '10.0.0.1'],
    ['203.0.113.7,', '10.0.0.1'],
    ['203.0.113.777:1', '10.0.0.1'],
  ])('in the header %j is %s', (text, expected) => {
    const message = { headersDistinct: { 'x-forwarded-for': [text] }, socket: { remoteAddress: '10.0.0.1' } }
    expect(addressOf(message as never)).toBe(expected)
  })
})

describe('a connection', () => {
  test('stays open for longer than a proxy keeps it: a request on its way would be lost', async () => {
    const { port } = await listen()
    const { headers } = await fetch(`http://127.0.0.1:${port}/echo`)
    // Proxies keep connections for up to 60 s.
    expect(headers.get('keep-alive')).toBe('timeout=75')
  })

  test('is closed after its last response once the server stops', async () => {
    const { port, server, proceed, log } = await listen()
    const answer = begin(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(server, 'request')
    const closed = closeServer(server, 600_000)
    proceed()
    expect(await answer).toMatch(/at last$/)
    await closed
    expect(log).toHaveLength(1)
  })
})
