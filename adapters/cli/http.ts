import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, createServer } from 'node:http'
import type { Log } from './log.ts'
import { ADDRESS_HEADER } from './request-address.ts'

/** A request, as passed to a route. */
export interface Incoming {
  /** The original message, for the resolver: each header with all its values. */
  readonly message: IncomingMessage
  readonly url: URL
  /** The values of the route's pattern. */
  readonly parameters: readonly string[]
  /** The same request as a `Request`. */
  readonly request: Request
}

/** One method and path. */
export interface Route {
  /** For the log: the path without ids. */
  readonly name: string
  readonly method?: 'GET' | 'POST'
  readonly pattern: RegExp
  answer(incoming: Incoming): Promise<Response>
}

/** Options of {@link createListener}. */
export interface ListenerOptions {
  readonly routes: readonly Route[]
  readonly origin: string
  /** Origins whose pages may send requests. */
  readonly trustedOrigins: readonly string[]
  /** Returns the address of the client. */
  readonly addressOf: (message: IncomingMessage) => string
  readonly log: Log
}

/** Largest request body, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024

/** How long a request may take to arrive, and how often that is checked, in milliseconds. */
const ARRIVAL = { requestTimeout: 30_000, connectionsCheckingInterval: 5000 }

/** Longer than proxies keep a connection (60 s): they lose a request that crosses the server's close. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000

/** Longer than the path of any route. Rate limits are kept by address and path. */
const MAX_PATH_CHARACTERS = 1024

/**
 * Creates a server that limits how long a request may take to arrive: after the limit it responds with 408 and closes
 * the connection.
 */
export function createLimitedServer(listener: RequestListener, arrival: typeof ARRIVAL = ARRIVAL): Server {
  const limits = { headersTimeout: arrival.requestTimeout, maxHeaderSize: 32_768 }
  return createServer({ ...arrival, ...limits, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, listener)
}

const IDLE_SWEEP_MS = 100

/**
 * Closes a server: no new connection, and each connection after its pending response.
 *
 * @param patience - how long pending responses may take, in milliseconds
 */
export async function closeServer(server: Server, patience: number): Promise<void> {
  if (!server.listening) return
  const timer = setTimeout(() => server.closeAllConnections(), patience)
  // Node closes those that are idle now, and not those that become idle.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS)
  await new Promise((resolve) => server.close(resolve))
  clearTimeout(timer)
  clearInterval(sweep)
}

/** Handles Node's requests by routes. */
export function createListener(options: ListenerOptions): RequestListener {
  return (message, response) => void serve(message, response, options)
}

async function serve(message: IncomingMessage, response: ServerResponse, options: ListenerOptions): Promise<void> {
  const start = performance.now()
  let name = 'none'
  try {
    const { route, answer } = await respond(message, options)
    name = route
    await send(answer, response, corsOf(message, route, options))
  } catch (error) {
    // The client disconnected: there is no one to respond to, and nothing is wrong.
    if (!message.complete) return options.log.info('request-aborted', { method: nameOf(message.method) })
    options.log.error('request-failed', error)
    if (!response.headersSent) await send(Response.json({ error: 'internal' }, { status: 500 }), response, {})
    else response.destroy()
  }
  options.log.info('request', {
    method: nameOf(message.method),
    route: name,
    status: response.statusCode,
    milliseconds: Math.round(performance.now() - start),
  })
}

/** The methods that routes use; a `Request` cannot have some of the others, such as TRACE. */
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']

/** Returns the method for the log. It is untrusted input, so unknown ones become `other`. */
function nameOf(method = ''): string {
  return METHODS.includes(method) ? method : 'other'
}

/**
 * Reads the URL of a request.
 *
 * @returns null if it is not in normal form, for example a path with dot segments. A proxy in front that decides by
 *   path may have read another path
 */
function readUrl(path: string, origin: string): URL | null {
  if (!path.startsWith('/') || !URL.canParse(`${origin}${path}`)) return null
  const url = new URL(`${origin}${path}`)
  return url.pathname === path.split(/[?#]/, 1)[0] ? url : null
}

async function respond(
  message: IncomingMessage,
  { routes, origin, addressOf, trustedOrigins }: ListenerOptions,
): Promise<{ route: string; answer: Response }> {
  const url = readUrl(message.url ?? '', origin)
  if (!url) return { route: 'malformed', answer: problem(400, 'malformed') }
  if (url.pathname.length > MAX_PATH_CHARACTERS) return { route: 'malformed', answer: problem(414, 'too long') }
  if (!METHODS.includes(message.method ?? '')) return { route: 'none', answer: problem(405, 'method') }
  const fitting = routes.filter(({ pattern }) => pattern.test(url.pathname))
  const route = fitting.find(({ method }) => method === undefined || method === message.method)
  if (message.method === 'OPTIONS' && fitting.length > 0)
    return {
      route: fitting[0]!.name,
      answer: new Response(null, { status: isTrusted(message, trustedOrigins) ? 204 : 403 }),
    }
  if (!route) return { route: 'none', answer: fitting.length > 0 ? problem(405, 'method') : problem(404, 'unknown') }
  const body = await readBody(message)
  if (body === null) return { route: route.name, answer: problem(413, 'too large', { connection: 'close' }) }
  const request = toRequest(message, url, body, addressOf(message))
  const parameters = (route.pattern.exec(url.pathname) ?? []).slice(1).map(decode)
  return { route: route.name, answer: await route.answer({ message, url, parameters, request }) }
}

/** Returns the response to an invalid request. */
export function problem(status: number, error: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error }, { status, headers: { 'cache-control': 'no-store', ...headers } })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** @returns null if the body is too long; the rest is read and discarded, so that the response arrives */
function readBody(message: IncomingMessage): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
      else resolve(null)
    })
    message.once('end', () => resolve(Buffer.concat(chunks)))
    message.once('error', reject)
  })
}

function toRequest(message: IncomingMessage, url: URL, body: Buffer<ArrayBuffer>, address: string): Request {
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct))
    values?.forEach((value) => headers.append(name, value))
  // The client's own statement about its address is overwritten.
  headers.set(ADDRESS_HEADER, address)
  const { method = 'GET' } = message
  const hasBody = !['GET', 'HEAD'].includes(method) && body.length > 0
  return new Request(url, { method, headers, ...(hasBody && { body }) })
}

function isTrusted({ headers: { origin } }: IncomingMessage, trusted: readonly string[]): boolean {
  return origin !== undefined && trusted.includes(origin)
}

/** Only for trusted origins, and never for operator routes. */
function corsOf(message: IncomingMessage, route: string, { trustedOrigins }: ListenerOptions): Record<string, string> {
  if (route.startsWith('/operator')) return {}
  if (!isTrusted(message, trustedOrigins)) return { vary: 'origin' }
  return {
    vary: 'origin',
    'access-control-allow-origin': message.headers.origin!,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'date, retry-after, www-authenticate, x-retry-after',
    ...(message.method === 'OPTIONS' && {
      'access-control-allow-headers': 'content-type, authorization, x-latchkey-proof, x-latchkey-expect',
      'access-control-allow-methods': 'GET, POST',
      'access-control-max-age': '600',
    }),
  }
}

async function send(answer: Response, response: ServerResponse, more: Record<string, string>): Promise<void> {
  response.statusCode = answer.status
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') response.setHeader(name, value)
  for (const [name, value] of Object.entries({
    ...more,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }))
    response.setHeader(name, value)
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.end(answer.body === null ? undefined : Buffer.from(await answer.arrayBuffer()))
}
