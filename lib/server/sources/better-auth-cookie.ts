import { withoutSlash } from '../base-url.ts'
import { withinTime } from '../within-time.ts'
import type { CookieSession, CookieSessionOptions } from './cookie.ts'

/** Options of {@link betterAuthCookie}. */
export interface BetterAuthCookieOptions extends Pick<CookieSessionOptions, 'origins'> {
  /** Origin and base path of Better Auth, such as `https://notes.example/api/auth`. */
  readonly baseURL: string
  /** `advanced.cookiePrefix` of Better Auth. Defaults to `better-auth`. */
  readonly cookiePrefix?: string
  /**
   * The result of `betterAuth()`, if it runs in the same process: it is asked without a request, so Better Auth's rate
   * limit does not count the sessions of all users as requests of one caller.
   */
  readonly auth?: { readonly api: object }
  /**
   * Sends the request to a Better Auth elsewhere. Defaults to the global `fetch`. Without a whole response within five
   * seconds, reading the cookie fails. The request's signal fires then, and once the response was read.
   */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** How long a Better Auth elsewhere may take, in milliseconds: a server that hangs must not hang this one. */
const TIMEOUT_MS = 5000

/**
 * Reads Better Auth's session cookie, on a server that receives it. Asks the `latchkey` plugin for the session. A page
 * that another site opened reads an account that was never used without fixing its principal. The session of an admin
 * who impersonates the user fixes none either, and has the claim `act` with the admin's principal. It renews no
 * session: the browser's own requests to Better Auth do.
 *
 * https://better-auth.com/docs/concepts/cookies
 *
 * @throws {TypeError} `auth` has no plugin `latchkey`
 */
export function betterAuthCookie({
  baseURL,
  origins,
  cookiePrefix = 'better-auth',
  auth,
  fetch: send = fetch,
}: BetterAuthCookieOptions): CookieSessionOptions {
  const name = `${cookiePrefix}.session_token`
  // The browser does not get this response: a session renewed here would leave its cookie as old as it is, and Better
  // Auth would find nothing to renew when the browser asks.
  const url = `${withoutSlash(baseURL)}/latchkey/session?disableRefresh=true`
  const here = auth && inProcess(auth)
  return {
    origins,
    names: [name, `__Secure-${name}`],
    async read(headers, { isCrossSite }) {
      const address = isCrossSite ? `${url}&peek=1` : url
      const session = await (here
        ? answerOf(here, new Request(address, { headers, redirect: 'manual' }))
        : withinTime(
            TIMEOUT_MS,
            (signal) => answerOf(send, new Request(address, { headers, redirect: 'manual', signal })),
            () => new Error(`betterAuthCookie: no answer within ${TIMEOUT_MS} ms`),
          ))
      return session && toSession(session)
    },
  }
}

async function answerOf(ask: (request: Request) => Promise<Response>, request: Request): Promise<Answer | null> {
  const response = await ask(request)
  if (response.status !== 200) throw new Error(`betterAuthCookie: expected 200, got ${response.status}`)
  return ((await response.json()) as { readonly session: Answer | null }).session
}

interface Answer extends Pick<CookieSession, 'principal' | 'aliases'> {
  readonly actor?: string
}

/** RFC 8693 §4.1: an admin acts as the user. */
function toSession({ principal, aliases = [], actor }: Answer): CookieSession {
  return { principal, aliases, ...(actor !== undefined && { claims: { act: { sub: actor } } }) }
}

type Endpoint = (input: {
  readonly request: Request
  readonly headers: Headers
  readonly query: Readonly<Record<string, string>>
  readonly asResponse: true
}) => Promise<Response>

function inProcess({ api }: { readonly api: object }): (request: Request) => Promise<Response> {
  const { latchkeySession: endpoint } = api as { readonly latchkeySession?: Endpoint }
  if (!endpoint) throw new TypeError('betterAuthCookie: auth has no plugin latchkey')
  return (request) =>
    endpoint({
      request,
      headers: request.headers,
      query: Object.fromEntries(new URL(request.url).searchParams),
      asResponse: true,
    })
}
