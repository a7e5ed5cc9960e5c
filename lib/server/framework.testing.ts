import { createHash, randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, type RequestListener, type Server, createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { ALICE, APP, BOB, NOW, TOKEN_HEADER, forge, tokenClaims } from '../tokens/forge.testing.ts'
import type { AuthenticateOptions } from './authenticate.ts'
import type { WriteAttempt } from '../anonymous-write.ts'
import { closedPort } from './external/issuer.testing.ts'
import { createSessionResolver } from './resolver.ts'
import type { ServerSession, SessionResolver } from './types.ts'
import { toResponse } from './response.ts'

export const ALICES_TOKEN: string = forge({ header: TOKEN_HEADER, claims: tokenClaims(ALICE) }, ALICE)
const BOBS_TOKEN = forge({ header: TOKEN_HEADER, claims: tokenClaims(BOB) }, BOB)
const EXPIRED = forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), iat: NOW - 900, exp: NOW } })
const FORGED = forge({ header: TOKEN_HEADER, claims: tokenClaims(ALICE) }, BOB)
const STRANGE = forge({ header: { alg: 'EdDSA' }, claims: { iss: 'https://strange.example' } })
const KEYLESS = forge({
  header: { alg: 'EdDSA', kid: '1' },
  claims: { iss: 'https://down.example', sub: 'ada', aud: APP, iat: NOW, exp: NOW + 300 },
})

/** A server of one framework. Its routes run `authenticate` first and report each call. */
export interface FrameworkServer {
  readonly url: string
  close(): Promise<unknown>
}

/** The routes that a framework's server must have. */
export interface FrameworkRoutes {
  /** `GET /who` responds with the return value, as JSON. */
  who(session: ServerSession): object
  /** `POST /hash` responds with the return value for the bytes of its body. */
  hash(body: AsyncIterable<Uint8Array>): Promise<string>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Acceptance tests that every framework adapter must pass. */
export function describeFramework(
  start: (resolver: SessionResolver, options: AuthenticateOptions, routes: FrameworkRoutes) => Promise<FrameworkServer>,
): void {
  const open: FrameworkServer[] = []
  const asked: string[] = []
  let jwksUrl: string
  beforeAll(async () => void (jwksUrl = await closedPort()))
  afterEach(async () => {
    asked.length = 0
    for (const server of open.splice(0)) await server.close()
  })

  async function run(
    options: AuthenticateOptions = {},
    lookup: (principal: string) => unknown = () => {},
  ): Promise<string> {
    const resolver = createSessionResolver({
      clock: () => NOW * 1000,
      localFirst: { audience: APP, lookup: async (principal) => (await lookup(principal), 'active') },
      external: { issuer: 'https://down.example', jwksUrl, audience: APP },
    })
    const who: FrameworkRoutes['who'] = ({ principal, authMode }) => (asked.push(authMode), { principal, authMode })
    const server = await start(resolver, options, { who, hash: hashOf })
    open.push(server)
    return server.url
  }

  test('gives the handler the session of the request', async () => {
    const url = await run()
    const { status, body } = await ask(`${url}/who`, { authorization: `Bearer ${ALICES_TOKEN}` })
    expect([status, JSON.parse(body)]).toEqual([200, { principal: ALICE.principal, authMode: 'local-first' }])
  })

  test('answers a request without a credential with 401', async () => {
    await expectRefusal(await ask(`${await run()}/who`, {}), 'CREDENTIAL_MISSING')
    expect(asked).toEqual([])
  })

  test('lets a request without a credential through where that is optional', async () => {
    const { status, body } = await ask(`${await run({ optional: true })}/who`, {})
    expect([status, JSON.parse(body)]).toEqual([200, { principal: null, authMode: 'anonymous' }])
  })

  describe.each([{ optional: false }, { optional: true }])('with %o', (options) => {
    test.each<[LatchkeyErrorCode, string | string[]]>([
      ['TOKEN_EXPIRED', `Bearer ${EXPIRED}`],
      ['TOKEN_SIGNATURE_INVALID', `Bearer ${FORGED}`],
      ['ISSUER_UNKNOWN', `Bearer ${STRANGE}`],
      ['KEYS_UNAVAILABLE', `Bearer ${KEYLESS}`],
      ['CREDENTIAL_MALFORMED', 'Bearer'],
      ['CREDENTIAL_MALFORMED', [`Bearer ${ALICES_TOKEN}`, `Bearer ${BOBS_TOKEN}`]],
    ])('refuses %s with the response of toResponse, without the reason', async (code, authorization) => {
      const answer = await ask(`${await run(options)}/who`, { authorization })
      await expectRefusal(answer, code)
      expect(JSON.stringify(answer)).not.toContain(code)
      expect(asked).toEqual([])
    })
  })

  test('takes an Authorization header of another scheme for none', async () => {
    const headers = { authorization: 'Basic YTpi' }
    await expectRefusal(await ask(`${await run()}/who`, headers), 'CREDENTIAL_MISSING')
    const { status, body } = await ask(`${await run({ optional: true })}/who`, headers)
    expect([status, JSON.parse(body)]).toEqual([200, { principal: null, authMode: 'anonymous' }])
  })

  test('responds to a server fault with 500, and reports it only to the operator', async () => {
    const errors: unknown[] = []
    const fault = new Error('a-secret-of-the-database')
    const onError = (error: unknown): void => void errors.push(error)
    const url = await run({ optional: true, onError }, () => Promise.reject(fault))
    const answer = await ask(`${url}/who`, { authorization: `Bearer ${ALICES_TOKEN}` })
    expect([answer.status, answer.headers['cache-control'], answer.body]).toEqual([
      500,
      'no-store',
      '{"error":"internal"}',
    ])
    expect(JSON.stringify(answer)).not.toContain('secret')
    expect(errors).toEqual([fault])
    expect(asked).toEqual([])
  })

  test('refuses HEAD without a body', async () => {
    const url = await run()
    const refused = await ask(`${url}/who`, {}, { method: 'HEAD' })
    expect([refused.status, refused.headers['www-authenticate'], refused.body]).toEqual([401, 'Bearer', ''])
    expect((await ask(`${url}/who`, { authorization: `Bearer ${ALICES_TOKEN}` }, { method: 'HEAD' })).status).toBe(200)
  })

  test('makes no exception for OPTIONS', async () => {
    await expectRefusal(await ask(`${await run()}/who`, {}, { method: 'OPTIONS' }), 'CREDENTIAL_MISSING')
  })

  test('leaves the whole body to the handler, including parts received during a slow lookup', async () => {
    const lookedUp = deferred()
    const written = deferred()
    const url = await run({}, () => (lookedUp.resolve(), written.promise))
    const body = randomBytes(1 << 20)
    const answer = ask(
      `${url}/hash`,
      { authorization: `Bearer ${ALICES_TOKEN}` },
      {
        method: 'POST',
        async *body() {
          yield body.subarray(0, 1000)
          await lookedUp.promise
          yield body.subarray(1000, 20_000)
          written.resolve()
          yield body.subarray(20_000)
        },
      },
    )
    expect(await answer).toMatchObject({ status: 200, body: createHash('sha256').update(body).digest('hex') })
  })

  test('refuses a request without waiting for its body', async () => {
    const answered = deferred()
    const url = await run()
    const answer = await ask(
      `${url}/hash`,
      {},
      {
        method: 'POST',
        async *body() {
          yield Buffer.from('a part')
          await answered.promise
        },
        onAnswer: answered.resolve,
      },
    )
    await expectRefusal(answer, 'CREDENTIAL_MISSING')
  })

  test('keeps concurrent requests apart', async () => {
    const alice = deferred()
    const release = deferred()
    const url = await run({}, (principal) => principal === ALICE.principal && (alice.resolve(), release.promise))
    const first = ask(`${url}/who`, { authorization: `Bearer ${ALICES_TOKEN}` })
    await alice.promise
    const second = await ask(`${url}/who`, { authorization: `Bearer ${BOBS_TOKEN}` })
    release.resolve()
    expect(JSON.parse(second.body)).toMatchObject({ principal: BOB.principal })
    expect(JSON.parse((await first).body)).toMatchObject({ principal: ALICE.principal })
  })

  test('does not carry the session over to the next request of a connection', async () => {
    const url = await run({ optional: true })
    await ask(`${url}/who`, { authorization: `Bearer ${ALICES_TOKEN}` })
    expect(JSON.parse((await ask(`${url}/who`, {})).body)).toMatchObject({ principal: null })
  })

  test('throws for invalid options', async () => {
    await expect((async () => start({} as never, {}, {} as never))()).rejects.toThrow(TypeError)
    await expect(run({ optional: 'false' as never })).rejects.toThrow(TypeError)
  })
}

/** Expects the response of `toResponse`, apart from headers that every server adds. */
export async function expectRefusal(answer: Answer, code: LatchkeyErrorCode, attempt?: WriteAttempt): Promise<void> {
  const expected = toResponse(Object.assign(new LatchkeyError(code), attempt))
  expect([answer.status, answer.body]).toEqual([expected.status, await expected.text()])
  for (const name of ['cache-control', 'www-authenticate'])
    expect(answer.headers[name] ?? null).toBe(expected.headers.get(name))
  expect(answer.headers['content-type']).toContain('application/json')
}

interface Asking {
  readonly method?: string
  readonly body?: () => AsyncIterable<Uint8Array>
  readonly onAnswer?: () => void
}

/** Sends a raw request. A list sends the header several times. */
export function ask(
  url: string,
  headers: Readonly<Record<string, string | string[]>>,
  { method = 'GET', body, onAnswer }: Asking = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers }, async (response) => {
      onAnswer?.()
      const text = Buffer.concat(await response.toArray()).toString()
      resolve({ status: response.statusCode!, headers: response.headers, body: text })
    })
    request.on('error', reject)
    write().catch(reject)
    async function write(): Promise<void> {
      for await (const part of body?.() ?? []) request.write(part)
      request.end()
    }
  })
}

export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** Listens on a free port of 127.0.0.1. */
export function serve(listener?: RequestListener): Promise<FrameworkServer & { readonly server: Server }> {
  const server = createServer(listener)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({
        server,
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: () => closing(server),
      }),
    )
  })
}

function closing(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => void server.close(() => resolve()))
}

async function hashOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of body) hash.update(part)
  return hash.digest('hex')
}
