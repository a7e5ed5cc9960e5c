/** Headers by name, in any case, as Node has them or as an object literal. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers that are asked for by name, such as `Headers`. */
export interface HeaderReader {
  /** The value of a header, in any case; null where there is none. */
  get(name: string): string | null
}

/** A `Request`, a Node `IncomingMessage`, the request of a WebSocket upgrade, or what looks like one of them. */
export interface RequestLike {
  readonly headers: HeaderReader | HeaderRecord
  /** Without one a request counts as unsafe. */
  readonly method?: string | undefined
  /** Node's headers, with each value of those that came twice; for values that `headers` lacks. */
  readonly headersDistinct?: Readonly<Record<string, readonly string[] | undefined>> | undefined
}

/** Anything with the headers of a request. */
export type ResolvableRequest = RequestLike | HeaderReader | HeaderRecord

/** A request as the sources read it. */
export interface IncomingRequest {
  /**
   * @param name - in small letters. Returns null where there is none; of several values one text that is none of them.
   */
  header(name: string): string | null
  /** Reading only, and no upgrade: what another site may cause without harm. */
  readonly isSafe: boolean
  /** A program of a page sent it, or the browser itself. */
  readonly isFromBrowser: boolean
}

/** The header that carries tokens by default (RFC 6750 §2.1). */
export const TOKEN_HEADER = 'authorization'

const SAFE_METHODS: readonly unknown[] = ['GET', 'HEAD', 'OPTIONS']

/** @throws {TypeError} there are no headers */
export function readRequest(request: ResolvableRequest): IncomingRequest {
  const header = readerOf(request)
  return {
    header,
    get isSafe() {
      return header('upgrade') === null && SAFE_METHODS.includes((request as RequestLike).method)
    },
    get isFromBrowser() {
      if (BROWSER_HEADERS.some((name) => header(name) !== null)) return true
      // The `fetch` of Node sends this one too, always with `cors`.
      return (header('sec-fetch-mode') ?? 'cors') !== 'cors'
    },
  }
}

const BROWSER_HEADERS = ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user']

function readerOf(request: ResolvableRequest): (name: string) => string | null {
  if (typeof request !== 'object' || request === null) throw new TypeError('resolve: expected a request or its headers')
  const { headers, headersDistinct } = request as RequestLike
  // A record may have a header of that name; its value is then a text or a list of texts.
  const hasHeaders = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
  // Express gives its requests a `get` of their own, of which a second Authorization header is already gone.
  if (!hasHeaders) return isReader(request) ? (name) => request.get(name) : recordReader(request as HeaderRecord)
  if (isReader(headers)) return (name) => headers.get(name)
  const read = recordReader(headers as HeaderRecord)
  return headersDistinct ? (name) => withDropped(read(name), headersDistinct[name]) : read
}

/**
 * Node drops a second Authorization header from `headers`: which one counts must not depend on who reads. Anything else
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
      // The length first: it spares most of the work for names that are not asked for.
      if (key.length !== name.length || key.toLowerCase() !== name) continue
      const value: unknown = record[key]
      if (value !== undefined && value !== null) (found ??= []).push(...textsOf(value))
    }
    return found?.join(name === 'cookie' ? '; ' : ', ') ?? null
  }
}

/** What is no text is a credential that cannot be read, rather than none. */
function textsOf(value: unknown): string[] {
  return [value].flat().map((text) => (typeof text === 'string' ? text : ''))
}
