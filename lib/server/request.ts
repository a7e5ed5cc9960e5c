/** Headers by name, in any case: Node's `headers` or an object literal. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers with a getter, such as `Headers`. */
export interface HeaderReader {
  /** Returns the value of a header, or null. Names are case-insensitive. */
  get(name: string): string | null
}

/** A `Request`, a Node `IncomingMessage`, a WebSocket upgrade request, or an object of that shape. */
export interface RequestLike {
  readonly headers: HeaderReader | HeaderRecord
  /** Without a method the request counts as unsafe: where only headers are known, say `GET` for what only reads. */
  readonly method?: string | undefined
  /** Node's headers with repeated ones as separate values. */
  readonly headersDistinct?: Readonly<Record<string, readonly string[] | undefined>> | undefined
}

/** A request, or its headers. */
export type ResolvableRequest = RequestLike | HeaderReader | HeaderRecord

/** A request as the session sources read it. */
export interface IncomingRequest {
  /**
   * @param name - in lower case
   * @returns null if the header is missing; for several values one text that equals none of them
   */
  header(name: string): string | null
  /** True for a safe method that is no upgrade: another site can trigger it without harm. */
  readonly isSafe: boolean
  /** True if a browser sent it, on its own or for a script of a page. */
  readonly isFromBrowser: boolean
}

const SAFE_METHODS: readonly unknown[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * Reads the request that a framework provides.
 *
 * @throws {TypeError} no headers found
 */
export function readRequest(request: ResolvableRequest): IncomingRequest {
  const header = readerOf(request)
  return {
    header,
    get isSafe() {
      return header('upgrade') === null && SAFE_METHODS.includes((request as RequestLike).method)
    },
    get isFromBrowser() {
      if (BROWSER_HEADERS.some((name) => header(name) !== null)) return true
      // Node's `fetch` sends this header too, always with `cors`.
      return (header('sec-fetch-mode') ?? 'cors') !== 'cors'
    },
  }
}

const BROWSER_HEADERS = ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user']

function readerOf(request: ResolvableRequest): (name: string) => string | null {
  if (typeof request !== 'object' || request === null) throw new TypeError('resolve: expected a request or its headers')
  const { headers, headersDistinct } = request as RequestLike
  // A plain record of headers may contain one with this name; its value is then a string or a list of strings.
  const hasHeaders = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
  // Express adds a `get` to its requests; there, a second Authorization header is already lost.
  if (!hasHeaders) return isReader(request) ? (name) => request.get(name) : recordReader(request as HeaderRecord)
  if (isReader(headers)) return (name) => headers.get(name)
  const read = recordReader(headers as HeaderRecord)
  return headersDistinct ? (name) => withDropped(read(name), headersDistinct[name]) : read
}

/**
 * Node drops a second Authorization header from `headers`: the reader must not decide which one counts. Anything else
 * in `headers` is what a middleware left there, and what the handlers see.
 */
function withDropped(value: string | null, received: readonly string[] = []): string | null {
  return received.length > 1 && value === received[0] ? received.join(', ') : value
}

function isReader(value: object): value is HeaderReader {
  return typeof (value as HeaderReader).get === 'function'
}

function recordReader(record: HeaderRecord): (name: string) => string | null {
  const names = Object.keys(record)
  return (name) => {
    let found: string[] | undefined
    for (const key of names) {
      // The length is compared first: it skips most work for other headers.
      if (key.length !== name.length || key.toLowerCase() !== name) continue
      const value: unknown = record[key]
      if (typeof value === 'string') (found ??= []).push(value)
      else if (value !== undefined && value !== null) (found ??= []).push(...textsOf(value))
    }
    return found?.join(name === 'cookie' ? '; ' : ', ') ?? null
  }
}

/** A value that is no string counts as an unreadable credential, not as a missing one. */
function textsOf(value: unknown): string[] {
  return [value].flat().map((text) => (typeof text === 'string' ? text : ''))
}
