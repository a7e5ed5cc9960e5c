import { LatchkeyError } from '../../errors.ts'
import { type OptionNames, checkOptionNames } from '../../option-names.ts'
import type { IncomingRequest } from '../request.ts'
import { isAliasList, isPrincipal, ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** The owner of a cookie. */
export interface CookieSession {
  readonly principal: string
  readonly aliases?: readonly string[]
  readonly claims?: Readonly<Record<string, unknown>>
}

/** What is known about the page that made the browser send the cookie. */
export interface CookieOrigin {
  /** True if another site sent the browser here, by a link for example (Fetch Metadata). Such a request only reads. */
  readonly isCrossSite: boolean
}

/** Options for browser sessions in a cookie, such as Better Auth's. */
export interface CookieSessionOptions {
  /**
   * Returns the owner of the cookie. An error that it throws counts as a server fault, not as an invalid credential.
   *
   * @param headers - contains only the request's `cookie` header
   * @param origin - says where the request comes from
   * @returns null if there is no session
   */
  readonly read: (headers: Headers, origin: CookieOrigin) => Promise<CookieSession | null>
  /** Origins of the app's own pages, such as `https://notes.example`. */
  readonly origins: readonly string[]
  /** Names of the cookies that carry the session. By default `read` is called for every request with a cookie. */
  readonly names?: readonly string[]
}

const COOKIE_OPTIONS: OptionNames<CookieSessionOptions> = { read: true, origins: true, names: true }

/** Reads cookies. */
export interface CookieSource {
  /** True if the request has a cookie, and does not come from `auth.fetch` on a device that uses no account. */
  isPresent(request: IncomingRequest): boolean
  /**
   * Reads the session.
   *
   * @throws {LatchkeyError} `COOKIE_ORIGIN_REFUSED`
   */
  read(request: IncomingRequest): Promise<ServerSession | null>
}

/** @throws {TypeError} an option is invalid */
export function createCookieSource(options: CookieSessionOptions): CookieSource {
  checkOptionNames('cookieSession.', options, COOKIE_OPTIONS)
  const { read, origins, names } = options
  const isMeant =
    origins.length > 0 &&
    origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin && origin !== 'null')
  if (!isMeant) throw new TypeError('cookieSession.origins: expected origins such as https://notes.example')
  if (names?.length === 0) throw new TypeError('cookieSession.names: expected at least one name')
  return {
    isPresent(request) {
      // Set by `auth.fetch` without a token: the account of the cookie is none that the user has chosen on this device.
      if (request.header('x-latchkey-anonymous') !== null) return false
      const cookie = request.header('cookie')
      return cookie !== null && (!names || namesIn(cookie).some((name) => names.includes(name)))
    },
    async read(request) {
      // Browsers also send cookies with requests that other sites trigger, so an unknown Origin must not use them.
      const origin = request.header('origin')
      const isOwn = origin === null ? request.isSafe : origins.includes(origin)
      if (!isOwn) throw new LatchkeyError('COOKIE_ORIGIN_REFUSED')
      const isCrossSite = origin === null && request.header('sec-fetch-site') === 'cross-site'
      const found = await read(new Headers({ cookie: request.header('cookie') ?? '' }), { isCrossSite })
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
