import { type IncomingMessage, createServer, request as send } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { ALICE, APP, NOW, TOKEN_HEADER, forge, tokenClaims } from '../tokens/forge.testing.ts'
import type { ResolvableRequest } from './request.ts'
import { createSessionResolver } from './resolver.ts'
import type { Resolution, SessionResolver } from './types.ts'

const TOKEN = forge({ header: TOKEN_HEADER, claims: tokenClaims() })
const BEARER = `Bearer ${TOKEN}`
const resolver: SessionResolver = createSessionResolver({
  clock: () => NOW * 1000,
  localFirst: { audience: APP, afterUpgrade: 'allow' },
})
const ALICES = { ok: true, session: { principal: ALICE.principal } }
const MALFORMED = { ok: false, reason: 'CREDENTIAL_MALFORMED' }
const NOBODY = { ok: true, session: { principal: null } }

describe('a plain record of headers', () => {
  test.each<[string, ResolvableRequest, object]>([
    ['in small letters', { authorization: BEARER }, ALICES],
    ['in capitals', { AUTHORIZATION: BEARER }, ALICES],
    ['in mixed case', { Authorization: BEARER }, ALICES],
    ['as a list of one', { authorization: [BEARER] }, ALICES],
    ['under `headers`', { headers: { Authorization: BEARER } }, ALICES],
    ['as Headers', new Headers({ authorization: BEARER }), ALICES],
    ['as Headers under `headers`', { headers: new Headers({ authorization: BEARER }) }, ALICES],
    ['beside a header that is called `headers`', { headers: 'x', authorization: BEARER }, ALICES],
    ['beside a header that is called `headers`, as a list', { headers: ['x'], authorization: BEARER }, ALICES],
    ['beside a header that is called `get`', { get: 'x', authorization: BEARER }, ALICES],
    ['as undefined', { authorization: undefined }, NOBODY],
    ['as null', { authorization: null as never }, NOBODY],
    ['as an empty list', { authorization: [] }, MALFORMED],
    ['with no header', {}, NOBODY],
    ['inherited', Object.create({ authorization: BEARER }) as ResolvableRequest, NOBODY],
    ['as a list of two', { authorization: [BEARER, BEARER] }, MALFORMED],
    ['twice in two cases', { authorization: BEARER, Authorization: BEARER }, MALFORMED],
    ['once empty, in two cases', { authorization: '', Authorization: BEARER }, MALFORMED],
    ['as a number', { authorization: 7 as never }, MALFORMED],
    ['as an object', { authorization: { toString: () => BEARER } as never }, MALFORMED],
  ])('%s', async (_, request, expected) => {
    expect(await resolver.resolve(request)).toMatchObject(expected)
  })

  test.each([undefined, null, 'Bearer x', 7])('is none: %j', async (request) => {
    await expect(resolver.resolve(request as never)).rejects.toThrow(TypeError)
  })

  test('has a type that takes what Node and the web have', () => {
    expectTypeOf<Request>().toExtend<ResolvableRequest>()
    expectTypeOf<IncomingMessage>().toExtend<ResolvableRequest>()
    expectTypeOf<Headers>().toExtend<ResolvableRequest>()
    expectTypeOf<{ authorization: string }>().toExtend<ResolvableRequest>()
  })
})

describe('over a real connection', () => {
  const answers: Resolution[] = []
  let middleware: (request: IncomingMessage) => unknown = () => {}
  const server = createServer((request, response) => {
    middleware(request)
    void resolver.resolve(request).then((resolution) => {
      response.statusCode = resolution.ok ? 200 : resolution.response().status
      response.end(JSON.stringify(resolution))
    })
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    void resolver.resolve(request).then((resolution) => {
      answers.push(resolution)
      if (resolution.ok) sockets.handleUpgrade(request, socket, head, (opened) => opened.close())
      else socket.end(`HTTP/1.1 ${resolution.response().status} \r\n\r\n`)
    })
  })
  let port: number

  beforeAll(async () => {
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  function get(headers: Record<string, string>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = send({ host: '127.0.0.1', port, headers }, (response) => {
        let text = ''
        response.on('data', (part: Buffer) => (text += part.toString())).on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject).end()
    })
  }

  test('an IncomingMessage is read', async () => {
    expect(await get({ Authorization: BEARER })).toMatchObject(ALICES)
    expect(await get({})).toMatchObject(NOBODY)
    expect(await get({ authorization: 'Basic x' })).toMatchObject(NOBODY)
    expect(await get({ authorization: 'Bearer' })).toMatchObject(MALFORMED)
  })

  const getTwice = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.end(
          `GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: ${BEARER}\r\nAuthorization: Bearer x.y.z\r\n\r\n`,
        ),
      )
      let text = ''
      socket
        .on('data', (part: Buffer) => (text += part.toString()))
        .on('end', () => resolve(text))
        .on('error', reject)
    })

  test('two Authorization headers are malformed, although Node would hand out the first alone', async () => {
    const answer = await getTwice()
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('CREDENTIAL_MALFORMED')
  })

  describe('what a middleware did to the headers counts, as it does for the handlers', () => {
    afterEach(() => void (middleware = () => {}))

    test.each<[string, typeof middleware, Record<string, string>, object]>([
      ['taken out', ({ headers }) => delete headers.authorization, { authorization: BEARER }, NOBODY],
      ['put in', ({ headers }) => (headers.authorization = BEARER), {}, ALICES],
      ['put in under another spelling', ({ headers }) => (headers['Authorization'] = BEARER), {}, ALICES],
      ['replaced', ({ headers }) => (headers.authorization = BEARER), { authorization: 'Bearer x.y.z' }, ALICES],
      [
        'all replaced',
        (request) => (request.headers = { authorization: BEARER }),
        { authorization: 'Bearer x' },
        ALICES,
      ],
      ['all taken out', (request) => (request.headers = {}), { authorization: BEARER }, NOBODY],
    ])('%s', async (_, change, headers, expected) => {
      middleware = change
      expect(await get(headers)).toMatchObject(expected)
    })

    test('one of two replaced', async () => {
      middleware = ({ headers }) => (headers.authorization = `${BEARER} `.trim())
      expect(await getTwice()).toContain('CREDENTIAL_MALFORMED')
      middleware = ({ headers }) => delete headers.authorization
      expect(await getTwice()).toContain('"source":"none"')
    })
  })

  test('the request of a WebSocket upgrade is read', async () => {
    const open = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers })
        socket.on('open', () => resolve('opened')).on('error', (error) => resolve(error.message))
      })
    expect(await open({ authorization: BEARER })).toBe('opened')
    expect(await open({ authorization: 'Bearer x.y.z' })).toContain('401')
    expect(answers).toMatchObject([ALICES, { ok: false }])
  })
})
