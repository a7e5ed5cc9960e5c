import { LatchkeyError } from '../../errors.ts'
import type { IncomingRequest } from '../request.ts'
import { isAliasList, isPrincipal, ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** Who a cookie belongs to. */
export interface CookieSession {
  readonly principal: string
  readonly aliases?: readonly string[]
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Sessions that a browser keeps in a cookie, such as Better Auth's own. */
export interface CookieSessionOptions {
  /**
   * Says who the cookie belongs to. What it throws is a fault of the server, and no verdict.
   *
   * @param headers - holds the `cookie` header, and nothing else of the request
   * @returns null where there is no session
   */
  readonly read: (headers: Headers) => Promise<CookieSession | null>
  /** Origins of the app's own pages, such as `https://notes.example`. */
  readonly origins: readonly string[]
  /** Names of the cookies that carry the session. Without it every request with a cookie is read. */
  readonly names?: readonly string[]
}

/** Reads cookies. */
export interface CookieSource {
  isPresent(request: IncomingRequest): boolean
  /** @throws {LatchkeyError} `COOKIE_ORIGIN_REFUSED` */
  read(request: IncomingRequest): Promise<ServerSession | null>
}

/** @throws {TypeError} an option is invalid */
export function createCookieSource({ read, origins, names }: CookieSessionOptions): CookieSource {
  const isMeant =
    origins.length > 0 &&
    origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin && origin !== 'null')
  if (!isMeant) throw new TypeError('cookieSession.origins: expected origins such as https://notes.example')
  if (names?.length === 0) throw new TypeError('cookieSession.names: expected a name')
  return {
    isPresent(request) {
      const cookie = request.header('cookie')
      return cookie !== null && (!names || namesIn(cookie).some((name) => names.includes(name)))
    },
    async read(request) {
      // A browser adds cookies to what any site makes it send. An Origin that is there and unknown never has a right to
      // them.
      const origin = request.header('origin')
      const isOwn = origin === null ? request.isSafe : origins.includes(origin)
      if (!isOwn) throw new LatchkeyError('COOKIE_ORIGIN_REFUSED')
      const found = await read(new Headers({ cookie: request.header('cookie') ?? '' }))
      return found && toSession(found)
    },
  }
}

function namesIn(cookie: string): string[] {
  return cookie.split(';').map((pair) => pair.split('=', 1)[0]!.trim())
}

function toSession({ principal, aliases = [], claims = {} }: CookieSession): ServerSession {
  if (!isPrincipal(principal) || !isAliasList(aliases))
    throw new TypeError('cookieSession.read: expected a principal, aliases or null')
  return ownedSession('external', principal, aliases, { ...claims })
}
