import { withoutSlash } from '../base-url.ts'
import type { CookieSession, CookieSessionOptions } from './cookie.ts'

/** Options of {@link betterAuthCookie}. */
export interface BetterAuthCookieOptions extends Pick<CookieSessionOptions, 'origins'> {
  /** Origin and base path of Better Auth, such as `https://notes.example/api/auth`. */
  readonly baseURL: string
  /** `advanced.cookiePrefix` of Better Auth. Defaults to `better-auth`. */
  readonly cookiePrefix?: string
  /** Sends the request; replaces the global `fetch`. Pass `auth.handler` if Better Auth runs in the same process. */
  readonly handler?: (request: Request) => Promise<Response>
}

/**
 * Reads Better Auth's session cookie, on a server that receives it. Asks the `latchkey` plugin for the session.
 *
 * https://better-auth.com/docs/concepts/cookies
 */
export function betterAuthCookie({
  baseURL,
  origins,
  cookiePrefix = 'better-auth',
  handler = fetch,
}: BetterAuthCookieOptions): CookieSessionOptions {
  const name = `${cookiePrefix}.session_token`
  return {
    origins,
    names: [name, `__Secure-${name}`],
    async read(headers) {
      const response = await handler(
        new Request(`${withoutSlash(baseURL)}/latchkey/session`, { headers, redirect: 'manual' }),
      )
      if (response.status !== 200) throw new Error(`betterAuthCookie: expected 200, got ${response.status}`)
      const { session } = (await response.json()) as { readonly session: CookieSession | null }
      return session && { principal: session.principal, aliases: session.aliases ?? [] }
    },
  }
}
